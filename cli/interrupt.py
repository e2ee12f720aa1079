"""Ctrl-C and SIGTERM as one exception."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The process was asked to stop; `exit_code` is 128 plus the signal's number.

    No `KeyboardInterrupt`, which Typer turns into an exit code of its own.
    """

    def __init__(self, signum: int):
        super().__init__(signum)
        self.exit_code = 128 + signum


def obey_interrupts() -> None:
    """From now on SIGINT and SIGTERM end this process: by `Interrupted` while it works, at once while it imports.

    An import has nothing to clean up, and libraries catch exceptions in theirs. An `Interrupted` in a place that
    can't pass exceptions on, such as a destructor, ends the process at once as well.
    """
    for signum in SIGNALS:
        signal.signal(signum, _stop)
    sys.unraisablehook = _report_unraisable


def leave_at_once() -> None:
    """From now on SIGINT and SIGTERM end this process where it is: its work is done, and Python about to end."""
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, frame: _leave(signum))


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the block when SIGINT or SIGTERM arrives, in an import too."""

    def stop(signum, frame):
        raise Interrupted(signum)

    before = {signum: signal.signal(signum, stop) for signum in SIGNALS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _stop(signum: int, frame: FrameType | None) -> None:
    if _is_importing(frame):
        _leave(signum)
    raise Interrupted(signum)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _report_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if isinstance(unraisable.exc_value, Interrupted):
        _leave(unraisable.exc_value.args[0])
    sys.__unraisablehook__(unraisable)


def _leave(signum: int) -> None:
    if sys.stderr is not None:  # closed, its number may be that of another file by now
        with suppress(OSError):
            os.write(2, b"Interrupted.\n")
    os._exit(128 + signum)
