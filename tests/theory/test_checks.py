"""Verdicts."""

import math

import pytest
import torch

from geomsym.theory import Check, deviation


def check(found: float, expected: bool | None, at_least: float | None = None) -> Check:
    return Check("a theorem", "gap", "", "outputs", found, 1e-9, expected, 1e-3, at_least)


@pytest.mark.parametrize(
    ("found", "expected", "verdict", "good"),
    [
        (1e-12, True, "holds", True),
        (1e-12, False, "HOLDS, BUT SHOULD NOT", False),
        (1e-12, None, "holds", True),
        (1e-9, True, "holds", True),
        (1e-5, True, "UNCLEAR", False),
        (1e-5, False, "UNCLEAR", False),
        (1e-5, None, "UNCLEAR", False),
        (0.5, True, "BROKEN", False),
        (0.5, False, "broken, as expected", True),
        (0.5, None, "broken", True),
        (math.nan, True, "UNCLEAR", False),
        (math.nan, False, "UNCLEAR", False),
    ],
)
def test_verdicts(found, expected, verdict, good):
    item = check(found, expected)
    assert (item.verdict, item.as_expected) == (verdict, good)
    assert item.row()["verdict"] == verdict and item.row()["holds"] == item.holds


def test_an_estimated_deviation_is_broken_by_the_least_that_it_can_be():
    assert check(0.5, False, at_least=0.0).verdict == check(0.5, True, at_least=0.0).verdict == "UNCLEAR"
    assert check(0.5, False, at_least=0.1).verdict == "broken, as expected"


def test_the_deviation_is_relative_to_the_largest_expected_value():
    assert deviation(torch.tensor([1.0, -4.5]), torch.tensor([1.0, -4.0])) == 0.125
