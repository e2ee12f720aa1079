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
from geomsym.distinct import distinct
from geomsym.errors import ConfigError, UserError
from geomsym.inference.evaluation import score
from geomsym.inference.losses import targets
from geomsym.inference.result import FITTED, InferenceResult, ReportProgress, silent, summarize
from geomsym.kernels import Kernels
from geomsym.kernels.backends import DOUBLE

JITTERS = (0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
"""What is added to the diagonal, in units of its mean, until the matrix is positive definite."""


@dataclass(frozen=True)
class Solution:
    """The solution of a regularised kernel system, see `solve`, and how good it is.

    `coefficients` a [m, K]; `cholesky` the lower factor [m, m] of the matrix that was solved; `jitter` in units of
    the mean diagonal, 0 where none was needed; `residual` |(K + …) a − y|/|y|; `condition` of the matrix that was
    solved, in the 1-norm.
    """

    coefficients: Tensor
    cholesky: Tensor
    jitter: float
    residual: float
    condition: float


def kernel_regression(
    specs: Specs,
    data: Dataset,
    cfg: KernelRegressionConfig,
    seed: int,
    report: ReportProgress = silent,
    kernels: Kernels | None = None,
) -> InferenceResult:
    """Fit the kernel predictor of these layer specs: kernels in the data's dtype, the system in float64.

    Nothing in it is random: `seed` is there for the signature that all algorithms share. `report` counts pairs of
    images in the place of steps. `kernels` computes the matrices, or has them. The column `test_variance` is the
    posterior variance of one output, averaged over the test images, for nngp.

    Raises `ConfigError` where the training images' kernel is too close to singular for the ridge, `UserError` where a
    kernel isn't finite.
    """
    kernels = kernels or Kernels()
    first, place = distinct(data.train.x)
    x, counts = data.train.x[first], torch.bincount(place)
    matrices = _Matrices(specs, cfg.name, kernels, data, len(x), report)
    K = matrices.between(x)
    y = group_means(targets(data.train.y, data.classes, cfg.targets, K.dtype), place)
    solution = solve(K, y, cfg.ridge, counts, matrices.precision)
    cross = {name: matrices.between(split.x, x) for name, split in data.splits.items() if name != "train"}
    cross["train"] = K[place]
    scores = score({name: cross[name] @ solution.coefficients for name in data.splits}, data, "mse", cfg.targets)
    metrics = summarize({0: scores}) | {"steps": nan} | quality(solution, cfg.ridge)
    if cfg.name == "nngp" and "test" in cross:
        variance = posterior_variance(solution, cross["test"], kernels.diagonal(specs, data.test.x))
        metrics["test_variance"] = variance.mean().item()
    return InferenceResult("ok" if scores["train", "accuracy"] >= FITTED else "unfitted", metrics)


def quality(solution: Solution, ridge: float) -> dict[str, float]:
    """The columns of runs.csv that say what was solved and how well."""
    return {
        "ridge": ridge,
        "jitter": solution.jitter,
        "condition": solution.condition,
        "residual": solution.residual,
    }


class _Matrices:
    """The kernel matrices «ntk» or «nngp» of one network, in float64, reported as one course of work.

    `precision` is that of the matrices so far.
    """

    def __init__(self, specs: Specs, name: str, kernels: Kernels, data: Dataset, train: int, report: ReportProgress):
        self.specs, self.name, self.kernels, self.report = specs, name, kernels, report
        self.done, self.total = 0, train * (train + 1) // 2 + train * (len(data.validation) + len(data.test))
        report(0, self.total, "pairs")
        self.precision = DOUBLE

    def between(self, x1: Tensor, x2: Tensor | None = None) -> Tensor:
        """[n1, n2], of x1 with itself where x2 is None; raises `UserError` where it isn't finite."""
        before, pairs = self.done, len(x1) * (len(x1) + 1) // 2 if x2 is None else len(x1) * len(x2)
        matrices = self.kernels.matrices(
            self.specs, x1, x2, lambda done, total: self.report(before + pairs * done // total, self.total, "pairs")
        )
        self.done += pairs
        self.precision = max(self.precision, matrices.precision)
        return _finite(matrices.ntk if self.name == "ntk" else matrices.nngp).double()


def group_means(y: Tensor, place: Tensor) -> Tensor:
    """The mean [m, K] of the rows of y [n, K] that have the same place in 0 … m − 1."""
    means = y.new_zeros(int(place.max()) + 1, y.shape[1]).index_add(0, place, y)
    return means / torch.bincount(place)[:, None]


def solve(
    K: Tensor, y: Tensor, ridge: float = 0.0, counts: Tensor | None = None, precision: float = DOUBLE
) -> Solution:
    """Solve (K + (ridge + jitter)·s·C⁻¹) a = y for symmetric K [m, m] and y [m, K], by Cholesky in float64.

    C = diag(counts) says how often each image occurs, once by default, and s = Σ cᵢKᵢᵢ/Σ cᵢ is the mean diagonal. With
    y the mean target of equal images this is the system of all n = Σ cᵢ images, where a are sums over equal ones: its
    limit of a ridge of 0 exists, though their matrix is singular.

    The jitter is the first of `JITTERS` with which the matrix is positive definite beyond the error of its values:
    it has a Cholesky factor, and a condition below that which `largest_condition` allows for values of this relative
    `precision`. Raises `ConfigError` where none suffices, `UserError` where K isn't finite or its trace isn't positive.
    """
    K, y = _finite(K).double(), y.double()
    counts = torch.ones(len(K)).to(K) if counts is None else counts.to(K)
    scale = (counts * K.diagonal()).sum() / counts.sum()
    if scale <= 0:
        raise UserError(f"kernel matrix {list(K.shape)}: its mean diagonal is {scale:g}; are the images all zero?")
    for jitter in JITTERS if precision <= DOUBLE else JITTERS[:1]:
        A = K.clone()
        A.diagonal().add_((ridge + jitter) * scale / counts)
        L, info = torch.linalg.cholesky_ex(A)
        condition = condition_number(A, L) if info == 0 else float("inf")
        if condition < largest_condition(len(A), precision):
            a = torch.cholesky_solve(y, L)
            residual = (A @ a - y).norm() / y.norm().clamp_min(torch.finfo(y.dtype).tiny)
            return Solution(a, L, jitter, residual.item(), condition)
    raise _too_singular(ridge, precision)


def largest_condition(n: int, precision: float) -> float:
    """The condition up to which a matrix [n, n] of values of this relative precision has digits to solve with.

    Cholesky's own rounding, of order n·2⁻⁵², and that of the values: errors of ε|Kᵢⱼ| move eigenvalues by up to ε·λmax.
    """
    return min(1 / (n * DOUBLE), 1 / precision)


def _too_singular(ridge: float, precision: float) -> ConfigError:
    largest = JITTERS[-1]
    larger = f"a larger ridge, such as {max(1e-3, 10 * ridge)}"
    if precision > DOUBLE:
        reason = "the training images' kernel is too close to singular for the precision in which it was computed"
        return ConfigError("inference.ridge", ridge, f"{reason}: give dtype=float64, or else {larger}")
    reason = (
        f"the training images' kernel isn't positive definite, not even with {largest:g} of its mean diagonal added"
    )
    return ConfigError("inference.ridge", ridge, f"{reason}: give {larger}")


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
