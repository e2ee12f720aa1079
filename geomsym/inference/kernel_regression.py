"""Regression with the kernel of an infinitely wide network: the algorithms `ntk` and `nngp`.

For training images X [n, …] with targets y [n, K] and a kernel matrix Θ(X, X) [n, n], the predictor is
f(x) = Θ(x, X) a with (Θ(X, X) + (ridge + jitter)·s·I) a = y, where s = tr Θ(X, X)/n. With the tangent kernel at
ridge 0 it is the mean over initialisations of the infinitely wide network trained to the end by gradient descent on
the squared error (Jacot et al. 2018); with the covariance of the network at initialisation it is the mean of the
Bayesian posterior with noise variance ridge·s (Lee et al. 2018). One kernel serves all outputs.
"""

from dataclasses import dataclass
from math import nan

import torch
from scipy.linalg.lapack import dpocon  # pyright: ignore[reportAttributeAccessIssue]  # compiled, without stubs
from torch import Tensor

from geomsym.architectures.layer_specs import Specs
from geomsym.config import KernelRegressionConfig
from geomsym.data import Dataset
from geomsym.errors import ConfigError, UserError
from geomsym.inference.evaluation import score
from geomsym.inference.fit import FITTED, Fit, Report, silent, summarize
from geomsym.inference.losses import targets
from geomsym.kernels import kernel_matrices

JITTERS = (0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
"""What is added to the diagonal, in units of its mean, until the matrix is positive definite in float64."""


@dataclass(frozen=True)
class Solution:
    """The solution of a regularised kernel system (K + (ridge + jitter)·tr K/n·I) a = y, and how good it is.

    `coefficients` a [n, K]; `cholesky` the lower factor [n, n] of the matrix that was solved; `jitter` in units of
    the mean diagonal, 0 where none was needed; `residual` |(K + …) a − y|/|y|; `condition` of the matrix that was
    solved, in the 1-norm.
    """

    coefficients: Tensor
    cholesky: Tensor
    jitter: float
    residual: float
    condition: float


def kernel_regression(
    specs: Specs, data: Dataset, cfg: KernelRegressionConfig, seed: int, report: Report = silent
) -> Fit:
    """Fit the kernel predictor of these layer specs: kernels in the data's dtype, the system in float64.

    Nothing in it is random: `seed` is there for the signature that all algorithms share. Raises `ConfigError` where
    the training images' kernel is too close to singular for the ridge, `UserError` where a kernel isn't finite.
    """
    x = data.train.x
    K = _kernel(specs, x, None, cfg.name)
    solution = solve(K, targets(data.train.y, data.classes, cfg.targets, K.dtype), cfg.ridge)
    outputs = {
        name: (K if name == "train" else _kernel(specs, split.x, x, cfg.name)) @ solution.coefficients
        for name, split in data.splits.items()
    }
    scores = score(outputs, data, "mse", cfg.targets)
    report(1, 1, scores["train", "accuracy"])
    quality = {
        "ridge": cfg.ridge,
        "jitter": solution.jitter,
        "condition": solution.condition,
        "residual": solution.residual,
    }
    status = "ok" if scores["train", "accuracy"] >= FITTED else "unfitted"
    return Fit(status, summarize({0: scores}) | {"steps": nan} | quality)


def _kernel(specs: Specs, x1: Tensor, x2: Tensor | None, name: str) -> Tensor:
    """The kernel matrix «ntk» or «nngp» [n1, n2], in float64; raises `UserError` where it isn't finite."""
    matrices = kernel_matrices(specs, x1, x2)
    return _finite(matrices.ntk if name == "ntk" else matrices.nngp).double()


def solve(K: Tensor, y: Tensor, ridge: float = 0.0) -> Solution:
    """Solve (K + (ridge + jitter)·tr K/n·I) a = y for symmetric K [n, n] and y [n, K], by Cholesky in float64.

    `ridge` and `jitter` are in units of the mean diagonal tr K/n. The jitter is the first of `JITTERS` with which the
    matrix is positive definite to working precision: it has a Cholesky factor and a condition below 1/(n·ε), ε = 2⁻⁵²,
    so that no rounding of a singular matrix passes for a positive definite one. Raises `ConfigError` where none
    suffices, `UserError` where K isn't finite or its trace isn't positive.
    """
    K, y = _finite(K).double(), y.double()
    scale = K.diagonal().mean()
    if scale <= 0:
        raise UserError(f"kernel matrix {list(K.shape)}: its mean diagonal is {scale:g}; are the images all zero?")
    for jitter in JITTERS:
        A = K.clone()
        A.diagonal().add_((ridge + jitter) * scale)
        L, info = torch.linalg.cholesky_ex(A)
        condition = condition_number(A, L) if info == 0 else float("inf")
        if condition < 1 / (len(A) * torch.finfo(A.dtype).eps):
            a = torch.cholesky_solve(y, L)
            residual = (A @ a - y).norm() / y.norm().clamp_min(torch.finfo(y.dtype).tiny)
            return Solution(a, L, jitter, residual.item(), condition)
    reason = f"the training images' kernel isn't positive definite, not even with {JITTERS[-1]:g} of its mean diagonal"
    raise ConfigError("inference.ridge", ridge, f"{reason} added: give a larger ridge, such as {max(1e-3, 10 * ridge)}")


def condition_number(A: Tensor, L: Tensor) -> float:
    """An estimate of ‖A‖₁·‖A⁻¹‖₁ for positive definite A [n, n] with lower Cholesky factor L, both float64.

    LAPACK's dpocon, after Hager (1984) and Higham (1988): a few solves, where eigenvalues would cost many times the
    factorisation. It is a lower bound, rarely by more than a factor of 3. For symmetric A the 1-norm is between the
    spectral norm and √n times it, so that the condition in the 1-norm is 1 to n times λmax/λmin.
    """
    norm = torch.linalg.matrix_norm(A, ord=1).item()
    reciprocal, _ = dpocon(L.cpu().numpy(), norm, uplo="L")
    return 1 / reciprocal if reciprocal > 0 else float("inf")


def posterior_variance(solution: Solution, K_cross: Tensor, K_diagonal: Tensor) -> Tensor:
    """The variance [m] of each output at m points, given the training data: k(x,x) − k(x,X) A⁻¹ k(X,x).

    Rasmussen & Williams (2006, Eq. 2.26), of the function without noise, with A the matrix that `solve` solved, hence
    with noise variance (ridge + jitter)·tr K/n. `K_cross` [m, n] is the kernel against the training points,
    `K_diagonal` [m] that of each point with itself. Not negative, but for rounding of order ε·k(x,x)·condition.
    """
    L = solution.cholesky
    whitened = torch.linalg.solve_triangular(L, K_cross.to(L).mT, upper=False)
    return K_diagonal.to(L) - whitened.square().sum(0)


def _finite(K: Tensor) -> Tensor:
    """K itself; raises `UserError` where some of its values aren't finite."""
    bad = K.numel() - int(K.isfinite().sum())
    if bad:
        raise UserError(
            f"kernel matrix {list(K.shape)}: {bad} of {K.numel()} values aren't finite; scale the images "
            "(data.preprocess=standardize), or lower architecture.w_variance or architecture.depth"
        )
    return K
