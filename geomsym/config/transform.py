"""Elements of symmetry groups: the group `transform`."""

from dataclasses import dataclass

from geomsym.config.checks import at_least
from geomsym.errors import ConfigError


@dataclass
class TransformConfig:
    """A random element of a symmetry group, drawn once and applied to every training and test image.

    `strength` t in [0, 1], for rotations only, takes instead the point τ_t = exp(−tA) of the geodesic from the
    identity to a Haar element of SO. `seed` null follows the run's seed, so that every seed redraws the element.
    """

    name: str = "identity"
    strength: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise ConfigError("transform.strength", self.strength, "give a number in [0, 1], or null for no path")
        at_least("transform.seed", self.seed, 0, "the run's seed")

    def idle(self) -> frozenset[str]:
        """The keys that have no effect beside the others: no part of a run's identity."""
        return frozenset({"seed"}) if self.name == "identity" else frozenset()
