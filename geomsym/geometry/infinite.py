"""Geometry of infinitely wide networks: random fully-connected networks, and any kernel.

A network of width n has J of random weights, and g = JᵀJ/n tends to its mean. For fully-connected networks the limit is
invariant under rotations, g = A(t) I + B(t) x xᵀ with t = |x|², and so are all its invariants:

    h = A + tB,   √det g = A^((d−1)/2) √h,   p = (A + tA')/√(Ah),
    R = (d−1) (−4p'/√(Ah) + (d−2)(AB − 2AA' − tA'²)/(A²h)),

primes being derivatives in t. R is that of the warped product dρ² + f² dΩ² with dρ = √h dr and f = r√A, where
p = df/dρ: −2(d−1) f̈/f + (d−1)(d−2)(1 − ḟ²)/f² (O'Neill 1983, ch. 7), written without a division by r.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.func import grad, jacfwd, jvp, vmap

from geomsym.errors import ConfigError, look_up
from geomsym.geometry.curvature import CONVENTIONS
from geomsym.geometry.jacobian import check_points
from geomsym.kernels.dual import MOMENTS, Moments


@dataclass(frozen=True)
class InfiniteNetwork:
    """The last hidden layer of an infinitely wide fully-connected network of `depth` hidden layers.

    In the NTK parameterisation, z = √(w_variance/fan_in) W x + √b_variance b with standard normal W and b. In terms of
    the variances of the first layer, σ² = w_variance/d and ζ² = b_variance. The metric is normalised by the number of
    features.
    """

    moments: Moments
    depth: int = 1
    w_variance: float = 2.0
    b_variance: float = 0.01

    def __post_init__(self):
        if self.depth < 1:
            raise ConfigError("architecture.depth", self.depth, "the hidden layers: give at least 1")

    def metric(self, x: Tensor) -> Tensor:
        """The metric g [p, d, d] at points x [p, d]."""
        check_points(x)
        A, B = self.profiles(x.square().sum(1), x.shape[1])
        unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        return A[:, None, None] * unit + B[:, None, None] * x[:, :, None] * x[:, None, :]

    def log_volume(self, x: Tensor) -> Tensor:
        """½·log det g [p] at points x [p, d]."""
        check_points(x)
        t = x.square().sum(1)
        A, B = self.profiles(t, x.shape[1])
        return ((x.shape[1] - 1) * A.log() + (A + t * B).log()) / 2

    def scalar_curvature(self, x: Tensor, *, convention: str = "standard") -> Tensor:
        """R [p] at points x [p, d]; raises `ConfigError` for the convention «paper» at more than one layer."""
        multiple = look_up("geometry.convention", convention, CONVENTIONS)
        if multiple != 1 and self.depth > 1:
            raise ConfigError("geometry.convention", convention, "is for one hidden layer only: give standard")
        check_points(x)
        d = x.shape[1]

        def speed(t: Tensor) -> Tensor:
            (A, B), (A1, _) = _with_derivative(lambda u: self.profiles(u, d), t)
            return (A + t * A1) / (A * (A + t * B)).sqrt()

        t = x.square().sum(1)
        (A, B), (A1, _) = _with_derivative(lambda u: self.profiles(u, d), t)
        h = A + t * B
        radial = -4 * _with_derivative(speed, t)[1] / (A * h).sqrt()
        return multiple * (d - 1) * (radial + (d - 2) * (A * B - 2 * A * A1 - t * A1**2) / (A**2 * h))

    def profiles(self, t: Tensor, dimension: int) -> tuple[Tensor, Tensor]:
        """A and B of g = A I + B x xᵀ for inputs of squared length t, same shape.

        Layer by layer, with s the variance of the preactivations, G = a I + b x xᵀ their metric, and ∇s = 2c x. Behind
        the activation g = E[φ'²] G + E[(φ'²)''] c² x xᵀ, where E[(φ'²)''] = 2 dE[φ'²]/ds, and c is multiplied by
        dE[φ²]/ds. Dense layers multiply all by their variance.
        """
        a = c = torch.full_like(t, self.w_variance / dimension)
        s, b = a * t + self.b_variance, torch.zeros_like(t)
        A, B = self._behind_activation(s, a, b, c)
        for _ in range(self.depth - 1):
            value, growth = _with_derivative(self.moments.value, s)
            a, b, c = (self.w_variance * factor for factor in (A, B, growth * c))
            s = self.w_variance * value + self.b_variance
            A, B = self._behind_activation(s, a, b, c)
        return A, B

    def _behind_activation(self, s: Tensor, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        slope, growth = _with_derivative(self.moments.slope, s)
        return slope * a, slope * b + 2 * growth * c**2


def infinite_network(
    activation: str, depth: int = 1, w_variance: float = 2.0, b_variance: float = 0.01
) -> InfiniteNetwork:
    """The limit of the networks «fcn» of `geomsym.architectures`; raises `ConfigError` for an unknown activation."""
    return InfiniteNetwork(look_up("architecture.activation", activation, MOMENTS), depth, w_variance, b_variance)


Kernel = Callable[[Tensor, Tensor], Tensor]
"""(x [d], x' [d]) -> K(x, x'), a scalar, differentiable at x' = x."""


def kernel_metric(kernel: Kernel, x: Tensor) -> Tensor:
    """g_ab = ∂_a ∂'_b K(x, x') at x' = x, [p, d, d], for points x [p, d] (Amari & Wu 1999).

    This is the metric of the kernel's feature space; if K is the mean product of n features, it is their metric JᵀJ/n.
    The code that computes the kernel has to be differentiable at x' = x. That of arc-cosine kernels isn't: their angle
    has a square root there.

    >>> gaussian = lambda x, y: (-(x - y).square().sum() / 2).exp()  # its feature space is curved nowhere: g = 1
    >>> kernel_metric(gaussian, torch.tensor([[0.0, 3.0]], dtype=torch.float64)).tolist()
    [[[1.0, 0.0], [0.0, 1.0]]]
    """
    check_points(x)
    return vmap(lambda point: jacfwd(grad(kernel, argnums=0), argnums=1)(point, point))(x)


def kernel_curvature(kernel: Kernel, x: Tensor) -> Tensor:
    """R [p] of `kernel_metric` at points x [p, d], by the Gauss equation in the kernel's feature space.

    ⟨II_ab, II_cd⟩ = ∂_a∂_b∂'_c∂'_d K − ∂_a∂_b∂'_e K g^ef ∂_f∂'_c∂'_d K, from fourth derivatives: O(d⁴) numbers a point.
    """
    check_points(x)
    return vmap(lambda point: _kernel_curvature(kernel, point))(x)


def _kernel_curvature(kernel: Kernel, x: Tensor) -> Tensor:
    mixed = jacfwd(grad(kernel, argnums=0), argnums=1)
    third = jacfwd(mixed, argnums=0)
    g, L = mixed(x, x), third(x, x).permute(0, 2, 1)  # L_abe = ∂_a∂_b∂'_e K
    inverse = torch.linalg.inv(g)
    products = jacfwd(third, argnums=1)(x, x).permute(0, 2, 1, 3)
    products = products - torch.einsum("abe,ef,cdf->abcd", L, inverse, L)
    traces = torch.einsum("ab,cd,abcd->", inverse, inverse, products)
    return traces - torch.einsum("ac,bd,abcd->", inverse, inverse, products)


def determinant_ratio(width: int, dimension: int) -> float:
    """E[det g_n]/det g_∞ of a random network of one hidden layer of n neurons, n!/((n−d)! n^d); 0 for n < d.

    det g_n is a sum over d-tuples of neurons, to which only tuples of distinct neurons contribute (Cauchy-Binet).
    E[g_n] is g_∞ itself.
    """
    return prod(1 - k / width for k in range(dimension)) if width >= dimension else 0.0


def _with_derivative(function: Callable, t: Tensor) -> tuple:
    """Values and derivatives of an elementwise function of t."""
    return jvp(function, (t,), (torch.ones_like(t),))
