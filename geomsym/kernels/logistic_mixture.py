"""tanh as a mixture of error functions.

The logistic distribution is a mixture of normal ones, whose standard deviations follow Kolmogorov's distribution but
for a factor (Andrews & Mallows 1974). With logistic density sech²(z)/2,

    tanh z = ∫ erf(z/(√2 κ)) p(κ) dκ,        p(κ) = 8κ·Σ_k (−1)^(k+1)·k²·exp(−2k²κ²),

so that whatever has a closed form for erf is an integral over κ for tanh, and Gauss's rule for p turns it into a sum of
few terms. p falls faster than any power at both ends.
"""

from math import pi

import numpy as np
from numpy.typing import NDArray

NODES = 10
"""Terms of the sum; see tests/kernels/test_dual.py: 8 leave errors of 1e-10 in the duals, 10 of 1e-11."""


def density(kappa: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kolmogorov's density p(κ), by the series that converges: that above from κ = 0.8, and its dual below."""
    x, k = kappa[..., None], np.arange(1, 12)
    large = 8 * x * (-1.0) ** (k + 1) * k**2 * np.exp(-2 * (k * x) ** 2)
    exponent = ((2 * k - 1) * pi) ** 2 / (8 * x**2)
    small = (2 * pi) ** 0.5 / x**2 * (2 * exponent - 1) * np.exp(-exponent)
    return np.where(kappa > 0.8, large.sum(-1), small.sum(-1))


def gauss_rule(nodes: int) -> tuple[list[float], list[float]]:
    """Nodes κ and weights of Gauss's rule for p, from the recurrence of its orthogonal polynomials in log κ.

    Stieltjes' procedure on a fine trapezoidal rule, and the eigenvectors of Jacobi's matrix (Golub & Welsch 1969).
    """
    grid = np.linspace(np.log(0.15), np.log(5.0), 4001)
    measure = density(np.exp(grid)) * np.exp(grid)
    measure /= measure.sum()
    before, now = np.zeros_like(grid), np.ones_like(grid)
    diagonal, squares, norm = [], [], 1.0
    for _ in range(nodes):
        length = measure @ now**2
        diagonal.append(measure @ (grid * now**2) / length)
        squares.append(length / norm)
        before, now, norm = now, (grid - diagonal[-1]) * now - squares[-1] * before, length
    off = np.sqrt(squares[1:])
    points, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return np.exp(points).tolist(), (vectors[0] ** 2).tolist()


SCALES, WEIGHTS = gauss_rule(NODES)
