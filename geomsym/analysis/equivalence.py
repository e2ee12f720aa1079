"""Do two groups of runs have the same mean, within a margin?

A test of difference can't show that means are equal: with few seeds or much noise it gives «p > 0.05» for any pair. An
equivalence test starts from the opposite hypothesis, that the means differ by at least a stated margin. The two
one-sided tests (Schuirmann 1987) reject it at level α if the confidence interval of the difference, of level 1 − 2α,
lies inside the margin. If the interval lies outside, the means differ by more than the margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ttest_ind

from geomsym.errors import DataError

LEVEL = 0.05
"""α: how often means that differ by the margin or more are taken for equivalent."""


@dataclass(frozen=True)
class MeanDifference:
    """The difference of two means and its interval [low, high] of confidence 1 − 2α."""

    difference: float
    low: float
    high: float

    @property
    def at_most(self) -> float:
        """The largest absolute difference inside the interval."""
        return max(abs(self.low), abs(self.high))

    @property
    def at_least(self) -> float:
        """The smallest absolute difference inside the interval: 0 if the interval contains 0."""
        return max(self.low, -self.high, 0.0)


def mean_difference(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> MeanDifference:
    """Mean of `first` minus that of `second`, independent samples, with Welch's (1947) interval for it.

    Variances may differ. The means are equivalent within a margin, at level α, if `at_most` is below it. Raises
    `DataError` for fewer than two values, values that aren't finite, and samples that don't vary at all.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if min(len(a), len(b)) < 2 or not np.isfinite([*a, *b]).all():
        raise DataError(f"{len(a)} and {len(b)} values to compare: give at least two finite ones of each")
    if np.ptp(a) == np.ptp(b) == 0:
        raise DataError("the values to compare don't vary: without variance there is no interval")
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(1 - 2 * level)
    return MeanDifference(float(a.mean() - b.mean()), float(interval.low), float(interval.high))
