"""Under which groups a learning algorithm is invariant: what Theorem 4.1 of Xiao & Pennington (2022, §4) says.

The theorem is stated for FCN, LCN, VEC and GAP. Its proof (App. D) asks one thing of an architecture: that its first
layer, applied to τx, is such a layer applied to x. So the first layer alone decides, whatever stands above it: a dense
one sees nothing of O(3d), a locally connected one nothing of O(3)^d, a convolution nothing of O(3) ⊗ I_d; and of the
latter where positions are averaged before it.
"""

from dataclasses import dataclass

from geomsym.architectures.layer_specs import (
    AveragePool,
    Conv,
    Dense,
    GlobalAveragePool,
    LocallyConnected,
    Specs,
)
from geomsym.errors import ConfigError, choose
from geomsym.transforms import GROUPS

SHARED = ("identity", "shared_rotation", "shared_permutation")
PIXELWISE = (*SHARED, "pixel_rotation", "pixel_permutation")


@dataclass(frozen=True)
class Penalty:
    """The term strength/p · Σ|θ_i|^p, p = `power` ≥ 1, on top of the weight decay. Raises a `ConfigError`."""

    power: float
    strength: float

    def __post_init__(self) -> None:
        if not self.power >= 1:
            reason = "give a power of at least 1: below, the slope at 0 is infinite"
            raise ConfigError("penalty.power", self.power, reason)
        if not self.strength >= 0:
            raise ConfigError("penalty.strength", self.strength, "give a number of at least 0")


def claimed_groups(specs: Specs) -> tuple[str, ...]:
    """The groups under which an architecture is invariant, by the names of `geomsym.transforms.GROUPS`.

    Those of its first layer, for gradient descent from independent Gaussian weights.
    """
    for spec in specs:
        if isinstance(spec, AveragePool | GlobalAveragePool):
            return SHARED
        if isinstance(spec, Dense):
            return tuple(GROUPS)
        if isinstance(spec, Conv):
            return PIXELWISE if isinstance(spec, LocallyConnected) else SHARED
    return ()


def infinite_groups(specs: Specs) -> tuple[str, ...]:
    """The same at infinite width: where positions are read out one by one, VEC has the kernel of LCN, and its groups.

    Xiao & Pennington (2022, §3.2). Pooling of any kind keeps filters' sharing visible.
    """
    pooled = any(isinstance(spec, AveragePool | GlobalAveragePool) for spec in specs)
    claimed = claimed_groups(specs)
    return claimed if pooled or claimed == tuple(GROUPS) else PIXELWISE


def invariant(
    specs: Specs, group: str, optimizer: str = "sgd", penalty: Penalty | None = None, init: str = "gaussian"
) -> bool:
    """Whether the theorem says that an architecture is invariant under a group.

    The group has to be one of `claimed_groups`; its rotations ask of `optimizer` and `penalty` to be isotropic, and,
    where laws are compared, of `init` to be Gaussian. Raises a `ConfigError` for an unknown group.
    """
    isotropic = optimizer == "sgd" and init == "gaussian" and (penalty is None or penalty.power == 2)
    rotates = choose("transform.name", group, GROUPS).is_rotation
    return group in claimed_groups(specs) and (isotropic or not rotates)
