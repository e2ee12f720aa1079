"""Equivalence of means: against published formulas, and how often it errs on either side."""

from math import sqrt

import numpy as np
import pytest
from scipy.stats import t

from geomsym.analysis.equivalence import mean_difference
from geomsym.errors import DataError


def test_the_interval_is_welchs():
    a, b = np.array([0.31, 0.35, 0.36, 0.40]), np.array([0.30, 0.33, 0.30])
    found = mean_difference(a, b)
    parts = a.var(ddof=1) / 4, b.var(ddof=1) / 3
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 2)
    half = t.ppf(0.95, freedom) * sqrt(sum(parts))
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert (found.low, found.high) == pytest.approx((found.difference - half, found.difference + half))


@pytest.mark.parametrize(
    ("shift", "at_least_of", "at_most_of"), [(0.0, "zero", "wider"), (0.5, "low", "high"), (-0.5, "-high", "-low")]
)
def test_sizes_of_the_difference(shift, at_least_of, at_most_of):
    found = mean_difference([0.1 + shift, 0.12 + shift, 0.14 + shift], [0.10, 0.12, 0.13])
    ends = {"zero": 0.0, "low": found.low, "high": found.high, "-low": -found.low, "-high": -found.high}
    ends["wider"] = max(-found.low, found.high)
    assert found.at_least == pytest.approx(ends[at_least_of]) and found.at_most == pytest.approx(ends[at_most_of])
    assert found.at_least <= abs(found.difference) <= found.at_most


def share_of_equivalent(difference: float, margin: float, seeds: int, samples: int = 2000) -> float:
    generator = np.random.default_rng(0)
    pairs = generator.normal(size=(samples, 2, seeds)) + np.array([difference, 0.0])[:, None]
    return float(np.mean([mean_difference(a, b).at_most < margin for a, b in pairs]))


def test_means_that_differ_by_the_margin_are_called_equivalent_in_five_of_a_hundred_cases():
    assert share_of_equivalent(2.0, 2.0, 12) == pytest.approx(0.05, abs=0.015)


@pytest.mark.slow
def test_equal_means_are_called_equivalent_where_there_are_seeds_enough():
    assert share_of_equivalent(0.0, 2.0, 12) > 0.99
    assert share_of_equivalent(0.0, 0.1, 12) < 0.01  # «p > 0.05» would be found in 95 %


def test_values_that_say_nothing_are_refused():
    with pytest.raises(DataError, match=r"1 and 2 values to compare: give at least two"):
        mean_difference([0.5], [0.1, 0.2])
    with pytest.raises(DataError, match="finite"):
        mean_difference([0.5, float("nan")], [0.1, 0.2])
    with pytest.raises(DataError, match="don't vary"):
        mean_difference([0.5, 0.5], [0.5, 0.5])
