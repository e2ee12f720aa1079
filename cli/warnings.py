"""Warnings of the package at the terminal: each setting's once, however many runs have it."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Once(logging.Handler):
    """Says the first warning of each setting, and counts the others."""

    def __init__(self, say: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self.say, self.seen = say, Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Say a warning, unless the same setting was warned of."""
        setting = getattr(record, "setting", record.getMessage())
        self.seen[setting] += 1
        if self.seen[setting] == 1:
            self.say(f"Warning: {record.getMessage()}.")


@contextmanager
def warnings_said(say: Callable[[str], None]) -> Iterator[None]:
    """Say warnings while work goes on, the first of each setting; at the end how many others there were."""
    handler, logger = _Once(say), logging.getLogger("geomsym")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        others = sum(handler.seen.values()) - len(handler.seen)
        if others:
            say(f"Warnings of the same settings: {others} more run{'s' * (others > 1)}.")
