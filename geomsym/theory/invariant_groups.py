"""Under which groups a learning algorithm is invariant: what Theorem 4.1 of Xiao & Pennington (2022, §4) says.

The theorem is stated for FCN, LCN, VEC and GAP. Its proof (App. D) needs one property of an architecture: its first
layer, applied to τx, is a layer of the same kind with other weights, applied to x. So the first layer alone decides,
whatever follows it. Training is invariant to O(3d) if the first layer is dense, to O(3)^d if it is locally connected,
and to O(3) ⊗ I_d if it is a convolution, or if positions are averaged before it.
"""

from dataclasses import dataclass

from geomsym.architectures.layer_specs import (
    AveragePool,
    Conv,
    Dense,
    GlobalAveragePool,
    LocallyConnected,
    Shape,
    Specs,
)
from geomsym.errors import ConfigError, look_up
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


def invariant_groups(specs: Specs, shape: Shape | None = None) -> tuple[str, ...]:
    """The groups under which an architecture is invariant, by the names of `geomsym.transforms.GROUPS`.

    They are those of its first layer, for gradient descent from independent Gaussian weights. A given `shape`
    [c, h, w] of the images can add groups: unshared filters in which every pixel occurs equally often act as a dense
    layer, and on a single pixel all groups act on its channels.
    """
    for spec in specs:
        if isinstance(spec, AveragePool | GlobalAveragePool):
            return _acting_as(SHARED, shape)
        if isinstance(spec, Dense):
            return tuple(GROUPS)
        if isinstance(spec, Conv):
            return _acting_as(_of_unshared(spec, shape) if isinstance(spec, LocallyConnected) else SHARED, shape)
    return ()


def infinite_groups(specs: Specs, shape: Shape | None = None) -> tuple[str, ...]:
    """The same at infinite width, where VEC has the same kernel as LCN, and so the same groups.

    Xiao & Pennington (2022, §3.2). Networks with pooling keep the groups that they have at finite width.
    """
    first = next((spec for spec in specs if isinstance(spec, Dense | Conv)), None)
    pooled = any(isinstance(spec, AveragePool | GlobalAveragePool) for spec in specs)
    if pooled or not isinstance(first, Conv):
        return invariant_groups(specs, shape)
    return _acting_as(_of_unshared(first, shape), shape)


def invariant(
    specs: Specs,
    group: str,
    optimizer: str = "sgd",
    penalty: Penalty | None = None,
    init: str = "gaussian",
    shape: Shape | None = None,
) -> bool:
    """Whether the theorem says that an architecture is invariant under a group, on images of a shape if it is given.

    The group has to be one of `invariant_groups`. For rotations, `optimizer` and `penalty` also have to be isotropic,
    and `init` Gaussian if distributions of networks are compared. Raises a `ConfigError` for an unknown group.
    """
    isotropic = optimizer == "sgd" and init == "gaussian" and (penalty is None or penalty.power == 2)
    rotates = look_up("transform.name", group, GROUPS).is_rotation
    return group in invariant_groups(specs, shape) and (isotropic or not rotates)


def _of_unshared(spec: Conv, shape: Shape | None) -> tuple[str, ...]:
    if shape is None or spec.padding != "circular" or any(spec.kernel_size % side for side in shape[1:]):
        return PIXELWISE
    return tuple(GROUPS)


def _acting_as(names: tuple[str, ...], shape: Shape | None) -> tuple[str, ...]:
    """These groups and those that act in the same way: on a single pixel, the larger ones of each kind."""
    if shape is None or shape[1] * shape[2] > 1:
        return names
    kinds = {GROUPS[name].is_rotation for name in names if name != "identity"}
    return tuple(name for name, group in GROUPS.items() if name == "identity" or group.is_rotation in kinds)
