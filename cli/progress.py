"""A live display of runs: how many are done, and how far those at work have come."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from geomsym.architectures import label
from geomsym.config import RunConfig

from .output import console


class JobProgress:
    """Bars on standard error: one for all jobs, each the work on a run, and one for each at work."""

    def __init__(self, runs: Sequence[RunConfig], what: str):
        self.runs = runs
        self.failures: dict[int, Exception] = {}
        self.bars = _bars()
        self.total = self.bars.add_task(what, total=len(runs), note="")
        self.at_work: dict[int, TaskID] = {}
        self.finished: set[int] = set()

    def __enter__(self) -> "JobProgress":
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self.at_work.values():
            self.bars.remove_task(task)
        self.bars.stop()

    @property
    def succeeded(self) -> int:
        """How many jobs are done without an error."""
        return len(self.finished) - len(self.failures)

    def progress(self, index: int, done: int, total: int, note: str) -> None:
        """A run has come so far; reports that arrive after its end are too late to matter."""
        if index in self.finished:
            return
        if index not in self.at_work:
            self.at_work[index] = self.bars.add_task(f"  {title(self.runs[index])}", total=total, note="")
        self.bars.update(self.at_work[index], completed=done, total=total, note=note)

    def done(self, index: int, error: Exception | None) -> None:
        """A run has finished, or failed with an error."""
        self.finished.add(index)
        if index in self.at_work:
            self.bars.remove_task(self.at_work.pop(index))
        if error is not None:
            self.failures[index] = error
        self.bars.advance(self.total)


@contextmanager
def work_progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar for one piece of work, and the report that moves it: done, in all, a note. The first one shows it."""
    bars = _bars()
    task = bars.add_task(what, total=None, note="")

    def report(done: int, total: int, note: str) -> None:
        bars.start()
        bars.update(task, completed=done, total=total, note=note)

    try:
        yield report
    finally:
        if bars.live.is_started:
            bars.stop()


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        console=console(stderr=True),
    )


def title(cfg: RunConfig) -> str:
    """A run in a few words: «pixel_rotation gap nn_plus 0»."""
    return f"{cfg.transform.name} {label(cfg.architecture)} {cfg.inference.name} {cfg.seed}"
