"""A statement compared with what was computed, and what that comes to."""

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

TRAINED = "Theorem 4.1: predictions and weights of trained networks"
"""The statement of the rows that `geomsym.plotting.invariance_figure` draws."""

EXACT = 1e-10
"""The largest relative deviation, in float64, that counts as rounding without any training."""

BROKEN_FROM = 1e-3
"""The smallest relative deviation that counts as broken: six orders of magnitude above rounding after training."""


@dataclass(frozen=True)
class Check:
    """One row of the table of `geomsym verify`.

    A statement `holds` where its `deviation` is at most `tolerance`, and is broken where that is at least
    `broken_from`; between the two it is neither. A deviation that is estimated is the largest that the data allow, and
    `at_least` the smallest, by which it is called broken. `expected` is what theory says: true for what it claims,
    false for a control, None where it is silent. `compared` says what was measured, in words, and behind a
    colon what was found. Columns that don't apply, such as the group of an inclusion, are empty.
    """

    statement: str
    architecture: str
    group: str
    compared: str
    deviation: float
    tolerance: float
    expected: bool | None
    broken_from: float = BROKEN_FROM
    at_least: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the deviation is no more than it may be."""
        return self.deviation <= self.tolerance

    @property
    def broken(self) -> bool:
        """Whether the deviation is clear; a value that isn't a number is neither."""
        return (self.deviation if self.at_least is None else self.at_least) >= self.broken_from

    @property
    def as_it_should_be(self) -> bool:
        """Whether what must hold holds, and what must break is broken; where theory is silent, one of the two."""
        if self.expected is None:
            return self.holds or self.broken
        return self.holds if self.expected else self.broken

    @property
    def verdict(self) -> str:
        """What it comes to, in words; capitals where it isn't as it should be."""
        if self.as_it_should_be:
            return "broken, as it should be" if self.expected is False else "holds" if self.holds else "broken"
        if self.holds:
            return "HOLDS, BUT SHOULD NOT"
        return "BROKEN" if self.broken else "UNCLEAR"

    def row(self) -> dict[str, Any]:
        """The columns of the table."""
        fields = asdict(self)
        return fields | {"holds": self.holds, "verdict": self.verdict}


def deviation(found: Tensor, expected: Tensor) -> float:
    """The largest |found − expected| over the largest |expected|; tensors of the same shape."""
    return ((found - expected).abs().max() / expected.abs().max()).item()
