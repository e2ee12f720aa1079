"""Jobs on this machine: one after the other in this process, or side by side in worker processes."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial

import numba
import torch

from geomsym.data import looked_at_once
from geomsym.errors import UserError
from geomsym.inference import ReportProgress

Job = Callable[[ReportProgress], None]
"""Work that reports its progress; it is sent to worker processes."""

Progress = Callable[[int, int, int, str], None]
"""Called with (index of the job, done, in all, a note), as a job reports."""

Done = Callable[[int, Exception | None], None]
"""Called with the index of a finished job and the error that ended it, if any."""


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def execute(jobs: Sequence[Job], workers: int, progress: Progress, done: Done) -> None:
    """Do all jobs; an error in one doesn't keep the others from being done.

    With several workers each computes on its share of the cores. That share depends on `workers` alone, not on how
    many jobs are left, so that a sweep that was interrupted rounds as one that wasn't.
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
    threads = max(1, available_cores() // workers)
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    with _pool(context, workers, (threads, reports)) as pool:
        waiting = {pool.submit(_work, job, index): index for index, job in enumerate(jobs)}
        while waiting:
            finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for report in _drain(reports):
                progress(*report)
            for future in finished:
                done(waiting.pop(future), _error(future))


@contextmanager
def _pool(context, workers: int, arguments: tuple) -> Iterator[ProcessPoolExecutor]:
    """A pool of workers that doesn't outlive the block: on an error or an interrupt they are ended at once."""
    pool = ProcessPoolExecutor(workers, context, _start_worker, arguments)
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_reports: "multiprocessing.Queue | None" = None
"""In a worker: where it reports progress to."""


def _start_worker(threads: int, reports: "multiprocessing.Queue") -> None:
    """Set a worker up: its threads, where it reports, and that it leaves interrupts to its parent and dies with it."""
    global _reports
    _reports = reports
    numba.set_num_threads(threads)
    torch.set_num_threads(threads)  # after numba, which sets the number of OpenMP's threads to that of all cores
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _whole_life.enter_context(looked_at_once())
    threading.Thread(target=_die_with_parent, daemon=True).start()


_whole_life = ExitStack()
"""In a worker: what holds until it ends. The user's data are looked at once, as in the command that it works for."""


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job, index: int) -> None:
    reports = _reports
    assert reports is not None
    job(lambda *report: reports.put((index, *report)))


def _drain(reports: "multiprocessing.Queue") -> Iterator[tuple[int, int, int, str]]:
    while True:
        try:
            yield reports.get_nowait()
        except queue.Empty:
            return


def _error(future: Future) -> Exception | None:
    """The error that ended a run; raises `UserError` where its worker was ended from outside."""
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        raise UserError(
            "a worker process was ended from outside, perhaps for lack of memory: give fewer --workers. "
            "The same command continues."
        ) from error
    return error if error is None or isinstance(error, Exception) else RuntimeError(repr(error))
