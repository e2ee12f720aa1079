"""The geodesic from the identity to a random rotation.

τ_t = exp(−tA), t in [0, 1], with A skew-symmetric (Xiao & Pennington 2022, App. B.3). It ends at an element
of SO, not of O: the exponential of a skew matrix has determinant 1, and O(n) has two components, det = 1 and
det = −1, so that no path leads from the identity to a reflection. The end is therefore the Haar element Q of
O with one column's sign flipped where det Q = −1, which is Haar distributed on SO.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geomsym.transforms.elements import MatrixTransform
from geomsym.transforms.logarithm import skew_logarithm


@dataclass(frozen=True, eq=False)
class RotationPath:
    """The one-parameter group τ_t = exp(−tA) through 1 at t = 0 and the rotation `end` at t = 1.

    `generator` A [..., n, n] is skew-symmetric; `end` says which axes of an image the matrices act on. The
    law τ_s τ_t = τ_{s+t} holds for all real t; between 0 and 1 the path is a shortest one.
    """

    end: MatrixTransform
    generator: Tensor

    def at(self, t: float) -> MatrixTransform:
        """The point τ_t, orthogonal to rounding."""
        return replace(self.end, matrix=torch.matrix_exp(-t * self.generator))


def path_to(element: MatrixTransform) -> RotationPath:
    """The path to an element (float64, on the CPU), or to its neighbour in SO where its determinant is −1."""
    rotations = special_orthogonal(element.matrix)
    return RotationPath(replace(element, matrix=rotations), -skew_logarithm(rotations))


def special_orthogonal(matrices: Tensor) -> Tensor:
    """The matrices [..., n, n] of O(n) with the first column's sign flipped where the determinant is −1.

    Right multiplication by a fixed reflection maps Haar measure on det = −1 to Haar measure on SO(n).
    """
    signs = torch.linalg.slogdet(matrices).sign
    first_column = torch.arange(matrices.shape[-1], device=matrices.device) == 0
    return torch.where(first_column, matrices * signs[..., None, None], matrices)
