"""The registry of the symmetry groups that act on images.

To add a group, write its sampler, a function of its name in `geomsym.transforms.samplers`, and one line here. The
registry itself is plain data, so that reading names and symbols doesn't load torch.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ImageShape = tuple[int, int, int]
"""(c, h, w) of one image."""


@dataclass(frozen=True)
class Group:
    """A symmetry group acting on images of d = h·w pixels.

    `symbol` is its formula for three channels in matplotlib's mathtext.
    """

    name: str
    symbol: str
    summary: str
    is_rotation: bool = False  # paths lead from the identity to its elements, so it takes a strength
    mixes_channels_only: bool = False  # trivial for images with one channel, so not offered for them
    is_dense: bool = False  # an element is one matrix on all coordinates
    subgroups: tuple[str, ...] = ()  # the largest groups of this registry that it contains

    def applies_to(self, shape: ImageShape) -> bool:
        """Whether the group acts on images of this shape: a group on the channels needs two."""
        return shape[0] > 1 or not self.mixes_channels_only


_LISTED = (
    Group("identity", r"$I$", "images as they are"),
    Group(
        "shared_rotation",
        r"$O(3)\otimes I_d$",
        "one rotation of the channels, the same at all pixels",
        is_rotation=True,
        mixes_channels_only=True,
        subgroups=("shared_permutation",),
    ),
    Group(
        "pixel_rotation",
        r"$O(3)^d$",
        "an independent rotation of the channels at each pixel",
        is_rotation=True,
        mixes_channels_only=True,
        subgroups=("shared_rotation", "pixel_permutation"),
    ),
    Group(
        "shared_permutation",
        r"$P(3)\otimes I_d$",
        "one permutation of the channels, the same at all pixels",
        mixes_channels_only=True,
        subgroups=("identity",),
    ),
    Group(
        "pixel_permutation",
        r"$P(3)^d$",
        "an independent permutation of the channels at each pixel",
        mixes_channels_only=True,
        subgroups=("shared_permutation",),
    ),
    Group(
        "global_permutation",
        r"$P(3d)$",
        "one permutation of all coordinates",
        subgroups=("pixel_permutation",),
    ),
    Group(
        "global_rotation",
        r"$O(3d)$",
        "one rotation of all coordinates",
        is_rotation=True,
        is_dense=True,
        subgroups=("pixel_rotation", "global_permutation"),
    ),
)
GROUPS: dict[str, Group] = {group.name: group for group in _LISTED}


def is_subgroup(smaller: str, larger: str) -> bool:
    """Whether one group is contained in another, or is the same.

    >>> is_subgroup("shared_permutation", "global_rotation"), is_subgroup("shared_rotation", "global_permutation")
    (True, False)
    """
    return smaller == larger or any(is_subgroup(smaller, name) for name in GROUPS[larger].subgroups)


def largest_groups(names: Iterable[str]) -> list[str]:
    """Those of some groups that none of the others contains, in the registry's order.

    >>> largest_groups(["identity", "pixel_permutation", "shared_rotation", "shared_permutation"])
    ['shared_rotation', 'pixel_permutation']
    """
    given = set(names)
    return [name for name in GROUPS if name in given and not any(is_subgroup(name, other) for other in given - {name})]
