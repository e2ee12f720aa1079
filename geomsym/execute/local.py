"""Jobs on this machine: one after the other in this process, or side by side in worker processes."""

import logging
import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.queues import SimpleQueue

from geomsym import worker
from geomsym.cores import available_cores
from geomsym.execute.deaths import WorkerDied, how_it_ended, out_of_memory_kills
from geomsym.execute.starting import starting_workers
from geomsym.inference import ReportProgress

Job = Callable[[ReportProgress], None]
"""Work that reports its progress; it is sent to worker processes."""

Progress = Callable[[int, int, int, str], None]
"""Called with (index of the job, done, in all, a note), as a job reports."""

Done = Callable[[int, Exception | None], None]
"""Called with the index of a finished job and the error that ended it, if any."""


def execute(jobs: Sequence[Job], workers: int, progress: Progress, done: Done) -> None:
    """Do all jobs; an error in one doesn't keep the others from being done.

    With several workers each computes on its share of the cores. That share depends on `workers` alone, not on how
    many jobs are left, so that a sweep gives bit-identical results after a resume.
    """
    if workers == 1:
        _one_by_one(jobs, progress, done)
    else:
        _side_by_side(jobs, workers, progress, done)


def _one_by_one(jobs: Sequence[Job], progress: Progress, done: Done) -> None:
    for index, job in enumerate(jobs):
        error = None
        try:
            job(partial(progress, index))
        except Exception as caught:
            error = caught
        done(index, error)


def _side_by_side(jobs: Sequence[Job], workers: int, progress: Progress, done: Done) -> None:
    at_work = AtWork(progress, out_of_memory_kills())
    with starting_workers():
        context = multiprocessing.get_context("spawn")
        reports = context.SimpleQueue()
        pool = ProcessPoolExecutor(workers, context, worker.start, (max(1, available_cores() // workers), reports))
    with _ended(pool):
        with starting_workers():
            waiting = {pool.submit(worker.work, pickle.dumps(job), index): index for index, job in enumerate(jobs)}
        processes = dict(pool._processes)
        while waiting:
            finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            at_work.hear(reports)
            broken = {future for future in finished if isinstance(future.exception(), BrokenProcessPool)}
            for future in finished - broken:
                at_work.finish(waiting[future])
                done(waiting.pop(future), _error(future))
            if broken:
                pool.shutdown()
                at_work.hear(reports)
                raise at_work.death({pid: process.exitcode for pid, process in processes.items()})


@contextmanager
def _ended(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Workers don't outlive the block: on an error or an interrupt they are ended at once."""
    try:
        yield
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class AtWork:
    """Which job each worker process is at, by what they report; progress is passed on."""

    def __init__(self, progress: Progress, kills: int):
        self.progress = progress
        self.kills = kills
        self.jobs: dict[int, int] = {}
        self.reason: str | None = None

    def hear(self, reports: SimpleQueue) -> None:
        """Take in all reports that have arrived."""
        while not reports.empty():
            match report := reports.get():
                case worker.Begun(job, process):
                    self.jobs[process] = job
                case worker.NotStarted(reason):
                    self.reason = reason
                case logging.LogRecord(name=name):
                    logging.getLogger(name).handle(report)
                case _:
                    self.progress(*report)

    def finish(self, job: int) -> None:
        """A job is done."""
        self.jobs = {process: at for process, at in self.jobs.items() if at != job}

    def death(self, exit_codes: dict[int, int | None]) -> WorkerDied:
        """The error for workers of which one died; the pool has ended the others by SIGTERM since."""
        if self.reason:
            return WorkerDied(f"could not start: {self.reason}", "Mend that first.")
        first = {pid: code for pid, code in exit_codes.items() if code not in (None, -signal.SIGTERM)}
        code = next(iter(first.values()), -signal.SIGTERM)
        jobs = [job for pid, job in self.jobs.items() if pid in (first or exit_codes)]
        return WorkerDied(*how_it_ended(code or 0, out_of_memory_kills() - self.kills), jobs)


def _error(future: Future) -> Exception | None:
    error = future.exception()
    return error if error is None or isinstance(error, Exception) else RuntimeError(repr(error))
