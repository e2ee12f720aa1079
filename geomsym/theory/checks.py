"""One statement of a theorem, the deviation that was measured, and the verdict."""

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

    A statement `holds` if its `deviation` is at most `tolerance`. It is broken if the deviation is at least
    `broken_from`. Between the two the result is unclear. An estimated deviation has an interval: `deviation` is its
    upper end and `at_least` its lower end, which decides whether the statement is broken. `expected` is what the
    theorem says: True for what it claims, False for a control that must break, None for what it doesn't mention.
    `compared` says in words what was measured; the values that were found follow a colon. Columns that don't apply,
    such as the group of an inclusion, are empty.
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
        """Whether the deviation is within the tolerance."""
        return self.deviation <= self.tolerance

    @property
    def broken(self) -> bool:
        """Whether the deviation is too large to be rounding or chance; False for nan, which doesn't hold either."""
        return (self.deviation if self.at_least is None else self.at_least) >= self.broken_from

    @property
    def as_expected(self) -> bool:
        """Whether the result is as expected; if the theorem says nothing, whether it is clear (holds or broken)."""
        if self.expected is None:
            return self.holds or self.broken
        return self.holds if self.expected else self.broken

    @property
    def verdict(self) -> str:
        """The result in words; in capitals if it isn't as expected."""
        if self.as_expected:
            return "broken, as expected" if self.expected is False else "holds" if self.holds else "broken"
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
