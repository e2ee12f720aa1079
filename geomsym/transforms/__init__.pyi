from .elements import Transform
from .groups import GROUPS, Group, is_subgroup, largest_groups
from .path import RotationPath
from .sample import check_transform, sample_moving, sample_path, sample_transform

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
