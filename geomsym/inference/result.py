"""What an inference algorithm returns, what it reports while it runs, and what it measures on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import nan
from time import perf_counter

from torch import Tensor

ReportProgress = Callable[[int, int, str], None]
"""Called with (done, in all, a note) as work goes on: steps of training, pairs of images, points."""

PREPARATIONS = ("λmax", "stability", "evaluation")
"""Notes of what comes before the course of work itself: those reports count something else."""

REPORT_EVERY = 0.5
"""Seconds between two reports of the same work, at least."""

Scores = dict[tuple[str, str], float]
"""Values by (split, metric): splits train, validation, test; metrics accuracy and mse or cross_entropy."""

FITTED = 0.95
"""The training accuracy from which a run counts as fitted (Xiao & Pennington 2022, App. B.1)."""


def silent(done: int, total: int, note: str) -> None:
    """Report nothing."""


class Course:
    """Reports of one course of work: `reached` at each of its stages, and now and then in between, by the clock.

    Nothing is waited for: on a GPU, steps in between count when they are queued.
    """

    def __init__(self, report: ReportProgress, total: int, note: str = ""):
        self.report, self.total, self.note = report, total, note
        self.last = perf_counter()

    def reached(self, done: int, note: str) -> None:
        """Report a stage; its note stands until the next."""
        self.note, self.last = note, perf_counter()
        self.report(done, self.total, note)

    def passing(self, done: int) -> None:
        """Report, unless the last report was less than `REPORT_EVERY` ago."""
        if perf_counter() - self.last >= REPORT_EVERY:
            self.reached(done, self.note)


@dataclass(frozen=True)
class InferenceResult:
    """A trained predictor, as numbers.

    `status` is «ok», «unfitted» (training accuracy never reached 95 %) or «diverged»; `metrics` are columns
    of runs.csv, those that `geomsym.results` declares or others; `curve` holds the scores at the steps where they
    were measured; `checkpoints` the network's state by step. A predictor without a course of training has neither.
    `steps_per_epoch` is nan where there are no epochs.
    """

    status: str
    metrics: Mapping[str, float | str]
    curve: dict[int, Scores] = field(default_factory=dict)
    checkpoints: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    steps_per_epoch: float = nan


def summarize(curve: dict[int, Scores]) -> dict[str, float]:
    """The columns of runs.csv that a curve of scores gives; those of an empty split are left out.

    Beside the last values: `best_test_accuracy`, the highest along training (the paper's figure), and
    `selected_test_accuracy`, that of the step at which validation accuracy was first highest.
    """
    if not curve:
        return {"steps": 0}
    last = curve[max(curve)]
    result = {
        f"{split}_{metric}": value
        for (split, metric), value in last.items()
        if metric == "accuracy" or (metric == "mse" and split != "validation")
    }
    if ("test", "accuracy") in last:
        result["best_test_accuracy"] = best(curve, "test")
    if ("test", "accuracy") in last and ("validation", "accuracy") in last:
        selected = max(curve, key=lambda step: curve[step]["validation", "accuracy"])
        result["selected_test_accuracy"] = curve[selected]["test", "accuracy"]
    return result | {"steps": max(curve)}


def best(curve: dict[int, Scores], split: str) -> float:
    """The highest accuracy on a split along training; nan where nothing was measured."""
    return max((scores[split, "accuracy"] for scores in curve.values()), default=nan)
