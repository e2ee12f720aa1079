"""Marks of parameters."""

import pytest
from _pytest.mark import ParameterSet


def slow(*cases: object) -> list[ParameterSet]:
    """Cases of longer drills, of kinds of which a shorter one is always run; tuples are of several parameters."""
    values = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=pytest.mark.slow) for case in values]
