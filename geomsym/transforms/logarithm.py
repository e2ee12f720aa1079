"""The principal logarithm of rotations of any size, accurate also if angles are degenerate, near 0 or near π.

A rotation R turns orthogonal planes by angles θ in (−π, π]; its principal logarithm generates the same turns,
and is the shortest geodesic from 1 to R. The real Schur decomposition shows the planes, but costs minutes at
the 3072 coordinates of a 3×32×32 image. The symmetric part of R, which has the eigenvalue cos θ on each
plane, first splits the space by a symmetric eigenproblem, which takes seconds. The Schur decomposition is then only
needed in the small spaces whose cosines nearly coincide.
"""

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

# Cosines closer than this share a space. Rounding mixes two spaces with a gap γ by about 1e-16/γ, so 1e-4 keeps
# the mixing near 1e-12. The spaces are small at any size D that fits into memory, since random angles repel
# each other.
COSINE_GAP = 1e-4


def skew_logarithm(rotations: Tensor) -> Tensor:
    """The principal logarithms L, exactly skew-symmetric, with exp(L) = R, of R float64 [..., n, n] in SO(n).

    Where an angle is π to rounding the logarithm is not unique, and one of the shortest is returned. Raises a
    `ValueError` for a determinant −1: such a matrix has no real logarithm.
    """
    matrices = rotations.reshape(-1, *rotations.shape[-2:]).numpy()
    logarithms = torch.from_numpy(np.stack([_logarithm(matrix) for matrix in matrices]))
    logarithms = logarithms.reshape(rotations.shape)
    return (logarithms - logarithms.mT) / 2


def _logarithm(rotation: np.ndarray) -> np.ndarray:
    """The product log R = V (log B_1 ⊕ log B_2 ⊕ …) Vᵀ, B_i the block of VᵀRV of the i-th cosine."""
    cosines, basis = scipy.linalg.eigh((rotation + rotation.T) / 2)
    blocks = basis.T @ rotation @ basis
    logarithm = np.zeros_like(rotation)
    edges = np.flatnonzero(np.diff(cosines) > COSINE_GAP) + 1
    for start, stop in zip([0, *edges], [*edges, len(cosines)], strict=True):
        space = slice(start, stop)
        logarithm[space, space] = _block_logarithm(blocks[space, space])
    return basis @ logarithm @ basis.T


def _block_logarithm(rotation: np.ndarray) -> np.ndarray:
    """The product log R = Z (log T) Zᵀ from the real Schur form R = Z T Zᵀ.

    R is normal, so T is block diagonal to rounding: 2×2 rotations, and single entries ±1.
    """
    form, basis = scipy.linalg.schur(rotation, output="real")[:2]
    return basis @ _schur_form_logarithm(form) @ basis.T


def _schur_form_logarithm(form: np.ndarray) -> np.ndarray:
    """The logarithm [[0, −θ], [θ, 0]] of each 2×2 block; two entries −1 together are a rotation by π."""
    first = np.flatnonzero(form.diagonal(-1))
    second = first + 1
    sines = form[second, first] - form[first, second]
    angles = np.arctan2(sines, form[first, first] + form[second, second])
    singles = np.setdiff1d(np.arange(len(form)), np.union1d(first, second))
    reversed_axes = singles[form[singles, singles] < 0]
    if len(reversed_axes) % 2:
        raise ValueError("a matrix of determinant −1 has no real logarithm: give one of determinant 1")
    first = np.concatenate([first, reversed_axes[::2]])
    second = np.concatenate([second, reversed_axes[1::2]])
    angles = np.concatenate([angles, np.full(len(reversed_axes) // 2, np.pi)])
    logarithm = np.zeros_like(form)
    logarithm[second, first], logarithm[first, second] = angles, -angles
    return logarithm
