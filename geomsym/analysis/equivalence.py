"""Do two groups of runs have the same mean, within a margin?

A test of difference can't show that there is none: with few seeds or much noise it says «p > 0.05» of anything. An
equivalence test turns the burden around. The hypothesis to be refuted is that the means differ by at least a stated
margin; the two one-sided tests (Schuirmann 1987) refute it at level α exactly where the interval of confidence 1 − 2α
of the difference lies inside the margin. A difference beyond the margin is shown where the interval lies outside.
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
        """The largest size of the difference that the interval holds."""
        return max(abs(self.low), abs(self.high))

    @property
    def at_least(self) -> float:
        """The smallest size of the difference that the interval holds: 0 where the interval holds 0."""
        return max(self.low, -self.high, 0.0)


def mean_difference(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> MeanDifference:
    """Mean of `first` minus that of `second`, independent samples, with Welch's (1947) interval for it.

    Variances may differ. The means are equivalent within a margin, at level α, where `at_most` is below it. Raises
    `DataError` for fewer than two values, values that aren't finite, and samples that don't vary at all.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if min(len(a), len(b)) < 2 or not np.isfinite([*a, *b]).all():
        raise DataError(f"{len(a)} and {len(b)} values to compare: give at least two finite ones of each")
    if np.ptp(a) == np.ptp(b) == 0:
        raise DataError("the values to compare don't vary: their means have no error to compare them by")
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(1 - 2 * level)
    return MeanDifference(float(a.mean() - b.mean()), float(interval.low), float(interval.high))
