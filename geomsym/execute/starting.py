"""What holds while worker processes are started: where they look for modules, and that no Ctrl-C reaches them."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting_workers() -> Iterator[None]:
    """Start worker processes in the block: safe from files of the working folder, and from Ctrl-C."""
    with _working_folder_last(), _interrupts_later():
        yield


@contextmanager
def _working_folder_last() -> Iterator[None]:
    """Have new processes look for modules in the working folder last, where this one looks there at all.

    A file signal.py or random.py in it would otherwise take the place of the library's. Python puts the folder first
    for the processes of multiprocessing, and in interactive sessions.
    """
    path, safe = sys.path, os.environ.get("PYTHONSAFEPATH")
    sys.path = sorted(path, key=lambda folder: folder == "")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        sys.path = path
        os.environ.pop("PYTHONSAFEPATH")
        if safe is not None:
            os.environ["PYTHONSAFEPATH"] = safe


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Obey SIGINT and SIGTERM after the block, so that no process is left half started.

    New processes have SIGINT blocked, which they inherit, until they ignore it: Ctrl-C at a terminal reaches all.
    """
    if threading.current_thread() is not threading.main_thread():  # others can't set handlers
        yield
        return
    arrived: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {signum: signal.signal(signum, lambda signum, frame: arrived.append(signum)) for signum in signals}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for signum, handler in before.items():
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
        for signum in arrived[:1]:
            signal.raise_signal(signum)
