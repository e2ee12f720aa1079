"""What the commands `geomsym` and `python -m geomsym` run: it obeys interrupts before it imports what takes time."""

import os
import sys

from .interrupt import Interrupted, leave_at_once, obey_interrupts


def main() -> None:
    """Run the command that was asked for, and end the process."""
    obey_interrupts()
    os.environ["MPLBACKEND"] = "agg"  # figures go to files, whatever display the user's matplotlibrc names
    try:
        _run()
    except Interrupted as interrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(interrupt.exit_code)
    finally:
        leave_at_once()


def _run() -> None:
    from .main import app

    try:
        app(prog_name="geomsym")
    finally:
        _flush()


def _flush() -> None:
    """Write what is left of the output, if there is one; where nobody reads it, as in «| head», forget it."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
