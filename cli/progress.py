"""A live display of runs: how many are done, how far those at work have come, and how long it will still take."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from geomsym.config import GradientDescentConfig, RunConfig
from geomsym.execute import Event, Failed, Finished, Progressed, Retried, WorkerDied
from geomsym.inference.result import PREPARATIONS

from .interrupt import interruptible
from .pace import Pace, clock


class JobProgress:
    """Bars on standard error: one for all jobs, each the work on a run, and one for each at work."""

    def __init__(self, runs: Sequence[RunConfig], what: str, console: Console | None = None):
        self.runs = runs
        self.failures: dict[int, Exception] = {}
        self.bars = _bars(console)
        self.early = {index for index, run in enumerate(runs) if what == "runs" and _may_stop_early(run)}
        self.pace = Pace(steady=False)
        fields = {"note": "", "pace": self.pace, "most": bool(self.early)}
        self.total = self.bars.add_task(what, total=len(runs), **fields)
        self.at_work: dict[int, TaskID] = {}
        self.parts: dict[int, float] = {}
        self.finished: set[int] = set()
        self._report()

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

    def show(self, event: Event) -> None:
        """Show what happens to a job."""
        match event:
            case Progressed(index, done, total, note):
                self._progress(index, done, total, note)
            case Retried(index, error):
                self._forget(index)
                reason = error.args[0] if isinstance(error, WorkerDied) else error
                said = f"{title(self.runs[index])}: its worker process {reason}; it is begun anew."
                self.bars.console.print(said, markup=False, highlight=False, soft_wrap=True)
            case Failed(index, error):
                self.failures[index] = error
                self._done(index)
            case Finished(index):
                self._done(index)

    def _progress(self, index: int, done: int, total: int, note: str) -> None:
        if index not in self.at_work:
            fields = {"note": "", "pace": Pace(), "most": index in self.early}
            self.at_work[index] = self.bars.add_task(f"  {title(self.runs[index])}", total=total, **fields)
        _update(self.bars, self.at_work[index], done, total, note)
        if note not in PREPARATIONS and total:
            self.parts[index] = done / total
            self._report()

    def _done(self, index: int) -> None:
        self.finished.add(index)
        self.bars.advance(self.total)
        self._forget(index)

    def _forget(self, index: int) -> None:
        """Nothing is at work on a run any more."""
        self.parts.pop(index, None)
        if index in self.at_work:
            self.bars.remove_task(self.at_work.pop(index))
        self._report()

    def _report(self) -> None:
        """Tell the pace of all jobs, those at work by the part of them that is done."""
        self.pace.report(self.bars.get_time(), len(self.finished) + sum(self.parts.values()), len(self.runs))


@contextmanager
def work_progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar for one piece of work, and the report that moves it: done, in all, a note. The first one shows it."""
    bars = _bars()
    task = bars.add_task(what, total=None, note="", pace=Pace(), most=False)

    def report(done: int, total: int, note: str) -> None:
        bars.start()
        _update(bars, task, done, total, note)

    try:
        with interruptible():  # while the cursor is hidden, an interrupt must not end the process at once
            yield report
    finally:
        if bars.live.is_started:
            bars.stop()


def _update(bars: Progress, task: TaskID, done: int, total: int, note: str) -> None:
    bars.update(task, completed=done, total=total, note=note)
    bars.tasks[bars.task_ids.index(task)].fields["pace"].report(bars.get_time(), done, total)


class TimeColumn(ProgressColumn):
    """The time left; at first, before one can tell, the time so far; at the end the time that it took."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """«0:03 so far», «0:42 left», or «≤ 0:42 left» where work may end early; «0:45»."""
        if task.remaining == 0:
            return Text(clock(task.finished_time or 0), style="progress.elapsed")
        left = task.fields["pace"].left(task.get_time())
        if left is None:
            return Text(f"{clock(task.elapsed or 0)} so far", style="progress.elapsed")
        return Text(f"{'≤ ' * task.fields['most']}{clock(left)} left", style="progress.remaining")


OTHERS = 46
"""The width of all columns but the first, at the usual numbers of steps."""


def _bars(console: Console | None = None) -> Progress:
    console = console or Console(stderr=True)
    fitting = Column(no_wrap=True, overflow="ellipsis", max_width=max(16, console.width - OTHERS))
    return Progress(
        TextColumn("{task.description}", table_column=fitting, markup=False),
        BarColumn(bar_width=6),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeColumn(),
        console=console,
    )


def _may_stop_early(cfg: RunConfig) -> bool:
    return isinstance(cfg.inference, GradientDescentConfig) and cfg.inference.stop_when_fitted


def title(cfg: RunConfig) -> str:
    """A run in a few words: «pixel_rotation gap nn_plus 0»."""
    return f"{cfg.transform.name} {cfg.architecture.label} {cfg.inference.name} {cfg.seed}"
