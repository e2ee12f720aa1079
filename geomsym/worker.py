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
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection


@dataclass(frozen=True)
class NotStarted:
    """A worker could not be set up; `reason` is its error, and where it was raised."""

    reason: str


class _Reports(QueueHandler):
    """The way to the parent: of this process alone, so that its death leaves no lock behind that others wait for.

    A report is on its way when `send` returns, and is known if the process dies then. What is logged is sent too.
    """

    def __init__(self, connection: Connection):
        super().__init__(connection)  # pyright: ignore[reportArgumentType]  # enqueue asks nothing of it
        self.connection, self.sending = connection, threading.Lock()

    def send(self, report: object) -> None:
        """Send a report; without a parent there is nobody to tell."""
        with self.sending, suppress(BrokenPipeError):
            self.connection.send(report)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send one record, at once."""
        self.send(record)


_reports: _Reports | None = None
_whole_life = ExitStack()
"""What holds until this process ends: the user's data are looked at once, as in the command that it works for."""


def start(threads: int, connection: Connection) -> None:
    """Set this process up: its threads, its reports; it leaves Ctrl-C to its parent, and dies with it."""
    global _reports
    _reports = _Reports(connection)
    logging.getLogger("geomsym").addHandler(_reports)
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
        _reports.send(NotStarted(_reason(error)))
        os._exit(1)


def work(job: bytes, device: str) -> None:
    """Do a pickled job, and report its progress: (done, total, note)."""
    reports = _reports
    assert reports is not None
    pickle.loads(job).do(device, lambda *progress: reports.send(progress))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _reason(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
