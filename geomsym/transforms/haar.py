"""Uniformly distributed elements of the orthogonal and of the symmetric group.

Drawn on the CPU in float64, so that a generator's state gives the same element for every device and dtype.
"""

import torch
from torch import Tensor


def haar_orthogonal(n: int, generator: torch.Generator, batch: tuple[int, ...] = ()) -> Tensor:
    """Independent Haar distributed matrices of O(n), float64 [*batch, n, n], half of them of determinant −1.

    For a Gaussian G = QR, the matrix Q·diag(sign R_11, …, sign R_nn) is Haar distributed (Mezzadri 2007, How
    to generate random matrices from the classical compact groups, §5). The signs matter: the QR decomposition
    is unique only with a positive diagonal of R, and LAPACK's Householder choice of Q is not invariant under
    rotations.
    """
    gaussian = torch.randn(*batch, n, n, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    signed = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
    return signed.contiguous()  # LAPACK leaves columns contiguous


def uniform_permutations(n: int, generator: torch.Generator, batch: tuple[int, ...] = ()) -> Tensor:
    """Independent uniform permutations of 0, …, n−1, int64 [*batch, n]: the order of n uniform numbers."""
    return torch.rand(*batch, n, generator=generator, dtype=torch.float64).argsort(dim=-1)
