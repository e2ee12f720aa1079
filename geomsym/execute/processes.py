"""Jobs side by side in worker processes of this machine.

Each worker is a pool of one process, with a way of its own to report on. The death of one takes nothing along but the
job that it was at: queues and locks that many processes share may be left held by one that is killed.
"""

import logging
import multiprocessing
import pickle
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Self, cast

from geomsym import worker
from geomsym.cores import available_cores
from geomsym.errors import UserError
from geomsym.execute.base import Failed, Finished, Progressed, Retried, Tell
from geomsym.execute.deaths import WorkerDied, how_it_ended, out_of_memory_kills, peak_memory
from geomsym.execute.job import Job
from geomsym.execute.starting import starting_workers

PAUSE = 1.0
"""Seconds after which workers are looked at, if nothing is heard of them before."""


class Processes:
    """Does jobs side by side in so many `workers`, each on its share of the cores.

    That share depends on `workers` alone, not on how many jobs are left, so that a sweep gives bit-identical results
    after a resume. A job whose worker dies is begun anew `retries` times, by another process.
    """

    def __init__(self, device: str, workers: int, retries: int = 1):
        self.device, self.retries = device, retries
        self._woken, wake = _pipe()
        threads = max(1, available_cores() // workers)
        self._workers = [_Worker(threads, device, wake) for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for each in self._workers:
            each.stop()

    def run(self, jobs: Sequence[Job], tell: Tell) -> None:
        """See `Executor`. Raises `UserError` where workers can't be set up at all."""
        try:
            self._run(jobs, tell)
        except BaseException:
            self.__exit__()
            raise

    def _run(self, jobs: Sequence[Job], tell: Tell) -> None:
        left, deaths = deque(enumerate(jobs)), Counter[int]()
        while left or self._at_work:
            for each in self._workers:
                if each.job is None and left:
                    each.begin(*left.popleft())
            self._wait()
            for each in self._at_work:
                done = each.future.done()  # asked first: what was reported until then is there to be heard
                for report in each.heard():
                    tell(report)
                if not done:
                    continue
                job, error = each.end()
                deaths[job] += isinstance(error, WorkerDied)
                if isinstance(error, WorkerDied) and deaths[job] <= self.retries:
                    left.appendleft((job, jobs[job]))
                    tell(Retried(job, error))
                else:
                    tell(Finished(job) if error is None else Failed(job, error))

    @property
    def _at_work(self) -> list["_Worker"]:
        return [each for each in self._workers if each.job is not None]

    def _wait(self) -> None:
        """Wait until a worker has reported, died, or done its job; or a little."""
        wait([self._woken, *(each.reports for each in self._at_work)], PAUSE)
        while self._woken.poll():
            self._woken.recv()


class _Worker:
    """One process after the other that does one job after the other; another is started after a death."""

    def __init__(self, threads: int, device: str, wake: Connection):
        self.threads, self.device, self.wake = threads, device, wake
        self.job: int | None = None
        self.pool: ProcessPoolExecutor | None = None
        self.reports: Connection
        self.future: Future[None]
        self.process: BaseProcess
        self.memory, self.kills = 0, 0
        self.not_started: str | None = None

    def begin(self, index: int, job: Job) -> None:
        """Do a job, in the process there is or in a new one."""
        if self.pool is not None and not self.process.is_alive():  # it has died between two jobs
            self.stop()
        self.job = index
        with starting_workers():
            sending = self._start() if self.pool is None else None
            assert self.pool is not None
            self.future = self.pool.submit(worker.work, pickle.dumps(job), self.device)
            if sending is not None:  # the process has its own end by now; with this one open, its death went unnoticed
                sending.close()
        self.process = next(iter(self.pool._processes.values()))
        self.future.add_done_callback(lambda _: self.wake.send(None))

    def _start(self) -> Connection:
        self.reports, sending = _pipe()
        self.memory, self.kills, self.not_started = 0, out_of_memory_kills(), None
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, context, worker.start, (self.threads, sending))
        return sending

    def heard(self) -> Iterator[Progressed]:
        """What the process has reported of its job; what it has logged is logged here."""
        assert self.job is not None
        self.memory = max(self.memory, peak_memory(self.process.pid))
        for report in self._received():
            match report:
                case worker.NotStarted(reason):
                    self.not_started = reason
                case logging.LogRecord(name=name):
                    logging.getLogger(name).handle(report)
                case (done, total, note):
                    yield Progressed(self.job, done, total, note)

    def _received(self) -> Iterator[Any]:
        with suppress(EOFError, OSError):  # it has died
            while self.reports.poll():
                yield self.reports.recv()

    def end(self) -> tuple[int, Exception | None]:
        """The job that is done, and the error that ended it, if any; after a death the next has another process."""
        assert self.job is not None
        job, error = self.job, self.future.exception()
        if isinstance(error, BrokenProcessPool):
            self.stop()
            if self.not_started:
                raise UserError(f"a worker process could not start: {self.not_started}. Mend that first.")
            kills = out_of_memory_kills() - self.kills
            error = WorkerDied(*how_it_ended(self.process.exitcode or 0, kills, self.memory))
        self.job = None
        return job, error if error is None or isinstance(error, Exception) else RuntimeError(repr(error))

    def stop(self) -> None:
        """End the process, at once if it is at work."""
        if self.pool is None:
            return
        if self.job is not None:
            self.process.kill()
        self.pool.shutdown(cancel_futures=True)
        self.process.join()
        self.reports.close()
        self.pool = self.job = None


def _pipe() -> tuple[Connection, Connection]:
    """Where to receive, and where to send."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    return cast(Connection, receiving), cast(Connection, sending)
