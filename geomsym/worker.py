"""What a worker process does: it sets itself up, does jobs, and reports to the process that started it.

Imports nothing that takes time or can fail, so that an import that fails is reported too.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing.queues import SimpleQueue


@dataclass(frozen=True)
class Begun:
    """A process has begun a job, which it is at until it begins another or the job is done."""

    job: int
    process: int


@dataclass(frozen=True)
class NotStarted:
    """A worker could not be set up; `reason` is its error, and where it was raised."""

    reason: str


class _ToParent(QueueHandler):
    """What is logged in this process is logged by the one that started it."""

    def __init__(self, reports: SimpleQueue):
        super().__init__(reports)  # pyright: ignore[reportArgumentType]  # it has put, and enqueue asks for no more
        self.reports = reports

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send one record, at once."""
        self.reports.put(record)


_reports: "SimpleQueue | None" = None
"""Where this process reports to; it writes at once, so that what it reported is known if it dies."""

_whole_life = ExitStack()
"""What holds until this process ends: the user's data are looked at once, as in the command that it works for."""


def start(threads: int, reports: SimpleQueue) -> None:
    """Set this process up: its threads, its reports; it leaves Ctrl-C to its parent, and dies with it."""
    global _reports
    _reports = reports
    logging.getLogger("geomsym").addHandler(_ToParent(reports))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # it was blocked until it could be ignored
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        from geomsym.data import looked_at_once
        from geomsym.threads import set_threads

        _whole_life.enter_context(looked_at_once())
        set_threads(threads)
    except BaseException as error:
        reports.put(NotStarted(_reason(error)))
        os._exit(1)


def work(job: bytes, index: int) -> None:
    """Do a pickled job, and report its beginning and its progress under its index."""
    reports = _reports
    assert reports is not None
    reports.put(Begun(index, os.getpid()))
    pickle.loads(job)(lambda *report: reports.put((index, *report)))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _reason(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
