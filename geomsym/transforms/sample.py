"""A random element of a symmetry group, by name, or the path to one. Requests are checked here."""

from math import prod

import torch

from geomsym.errors import ConfigError, look_up
from geomsym.seeds import torch_generator
from geomsym.transforms import samplers
from geomsym.transforms.elements import MatrixTransform, Transform
from geomsym.transforms.groups import GROUPS, Group, ImageShape
from geomsym.transforms.memory import require_dense_fits
from geomsym.transforms.path import RotationPath, path_to


def sample_transform(
    name: str,
    shape: ImageShape,
    seed: int = 0,
    strength: float | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Transform:
    """A random element τ of the group `name`, fixed by `seed`, for images [n, c, h, w] of `shape` (c, h, w).

    Rotations are Haar distributed on O, permutations uniform. For rotations a `strength` t in [0, 1] gives
    instead the point τ_t = exp(−tA) of the geodesic from the identity at t = 0 to the same seed's element at
    t = 1, which is moved into SO by the sign of one column where it has determinant −1 (see
    `geomsym.transforms.path`).

    Raises a `ConfigError` for an unknown group, a group that needs more channels or more memory than there
    are, a strength outside [0, 1], and a strength for a group without a path.

    >>> x = torch.arange(12.0).reshape(1, 3, 2, 2)
    >>> tau = sample_transform("global_rotation", (3, 2, 2), seed=1)
    >>> torch.allclose(tau(x), x), torch.allclose(tau(x).norm(), x.norm())
    (False, True)
    >>> start = sample_transform("global_rotation", (3, 2, 2), seed=1, strength=0.0)
    >>> torch.allclose(start(x), x, atol=1e-4)
    True
    """
    group = check_transform(name, shape, strength, dtype, device)
    element = _draw(group, shape, seed)
    if strength is not None:
        element = _path_to(element).at(strength)
    return element.to(dtype, device)


def sample_moving(
    name: str,
    shape: ImageShape,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Transform:
    """The element of `sample_transform` for the first seed, from `seed` on, that isn't the identity.

    One in six permutations of three channels is the identity, which would leave nothing to compare. Raises a
    `ConfigError` as `sample_transform` does, and for images on which the group has no other element.
    """
    for candidate in range(seed, seed + 100):
        tau = sample_transform(name, shape, candidate, dtype=dtype, device=device)
        if name == "identity" or is_not_identity(tau):
            return tau
    reason = f"its elements leave all images {list(shape)} as they are: give larger ones, or another group"
    raise ConfigError("transform.name", name, reason)


def is_not_identity(tau: Transform) -> bool:
    """Whether a map isn't the identity, judged by its effect on an image without equal or opposite values."""
    image = torch.arange(1.0, prod(tau.shape) + 1).reshape(tau.shape).double()
    return bool((tau.to(torch.float64, "cpu")(image) - image).abs().max() > 1e-9)


def check_transform(
    name: str,
    shape: ImageShape,
    strength: float | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Group:
    """The group that `sample_transform` would draw from; raises the same errors, and draws nothing."""
    group = _group_for(name, shape)
    if strength is not None:
        _check_strength(group, strength)
    if group.is_dense:
        require_dense_fits(name, prod(shape), strength is not None, dtype, torch.device(device))
    return group


def sample_path(name: str, shape: ImageShape, seed: int = 0) -> RotationPath:
    """The path that `sample_transform(name, shape, seed, strength)` takes its point from, in float64.

    Many points of it cost one logarithm. Raises a `ConfigError` as `sample_transform` does.

    Half the way twice is the whole way:

    >>> path = sample_path("pixel_rotation", (3, 2, 2))
    >>> x = torch.arange(12.0, dtype=torch.float64).reshape(1, 3, 2, 2)
    >>> half, whole = path.at(0.5), path.at(1.0)
    >>> torch.allclose(half(half(x)), whole(x))
    True
    """
    group = check_transform(name, shape, 1.0, torch.float64)
    return _path_to(_draw(group, shape, seed))


def _group_for(name: str, shape: ImageShape) -> Group:
    group = look_up("transform.name", name, GROUPS)
    if len(shape) != 3 or min(shape) < 1:
        raise ConfigError("shape", shape, "give the three positive sizes (channels, height, width) of one image")
    if not group.applies_to(shape):
        reason = "mixes the channels of each pixel, and grey images have a single channel"
        raise ConfigError(
            "transform.name", name, f"{reason}; use global_permutation or global_rotation, or three channels"
        )
    return group


def _check_strength(group: Group, strength: float) -> None:
    if not group.is_rotation:
        rotations = ", ".join(other.name for other in GROUPS.values() if other.is_rotation)
        reason = f"no path leads from the identity into {group.name}"
        raise ConfigError("transform.strength", strength, f"{reason}; give null, or a rotation: {rotations}")
    if not 0 <= strength <= 1:
        raise ConfigError("transform.strength", strength, "give a number in [0, 1], or null for no path")


def _draw(group: Group, shape: ImageShape, seed: int) -> Transform:
    # The stream does not depend on the strength: an element and the path towards it share their seed.
    c, h, w = shape
    return getattr(samplers, group.name)((c, h, w), torch_generator(seed, f"transform.{group.name}"))


def _path_to(element: Transform) -> RotationPath:
    assert isinstance(element, MatrixTransform), "rotations are given by matrices"
    return path_to(element)
