"""The symmetry groups acting on images: random elements, and paths from the identity into them.

>>> import torch
>>> tau = sample_transform("pixel_rotation", (3, 8, 8), seed=0)
>>> x = torch.randn(10, 3, 8, 8)
>>> torch.allclose(tau.inverse(tau(x)), x, atol=1e-5)
True
"""

from geomsym.transforms.elements import Transform
from geomsym.transforms.groups import GROUPS, Group, is_subgroup, largest_groups
from geomsym.transforms.path import RotationPath
from geomsym.transforms.sample import check_transform, sample_moving, sample_path, sample_transform

__all__ = [
    "GROUPS",
    "Group",
    "RotationPath",
    "Transform",
    "check_transform",
    "is_subgroup",
    "largest_groups",
    "sample_moving",
    "sample_path",
    "sample_transform",
]
