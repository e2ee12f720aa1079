"""Dual activations: expectations of a nonlinearity over a pair of jointly normal variables.

For (u, v) centred normal with variances q, q' and covariance K,

    F(K; q, q') = E[φ(u) φ(v)],        F'(K; q, q') = ∂F/∂K = E[φ'(u) φ'(v)]    (Price 1958),

which is one layer of the NNGP recursion and the factor of the tangent kernel's (Jacot et al. 2018). All arguments are
tensors that broadcast against each other. Whatever their dtype, duals are evaluated in float64, by formulas whose terms
don't cancel: their relative error stays below 1e-7 for variances from 1e-30 to 1e30, also of different size.

At equal arguments, K = q = q' = s, they are the moments E[φ(z)²] and E[φ'(z)²] of one variable of variance s, and the
geometry of infinitely wide networks follows from these and their derivatives in s.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, prod

import torch
from torch import Tensor
from torch.func import jvp

from geomsym.architectures.activations import ACTIVATIONS
from geomsym.kernels.logistic_mixture import SCALES, WEIGHTS

Dual = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(K, q, q') -> (F, F')."""

PARALLEL = 2.0**-48
"""1 − |cos θ| up to which vectors count as parallel: what sums over channels and taps leave of an angle of 0."""

SMALL_ANGLE = 0.1
"""Below it, series take the place of differences."""


def in_double(dual: Dual) -> Dual:
    """The dual evaluated in float64, its values in the dtype of K."""

    def evaluated(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
        F, slope = dual(K.double(), q.double(), q2.double())
        return F.to(K.dtype), slope.to(K.dtype)

    return evaluated


def determinant(K: Tensor, q: Tensor, q2: Tensor) -> Tensor:
    """Δ = qq' − K² = (√q√q' − |K|)(√q√q' + |K|), which is not negative, and 0 where u and v are parallel.

    At K = q = q' its derivatives are those of q(q' − K) + K(q − K), which is 0 there without rounding.
    """
    product = _root_of_product(q, q2)
    gap = product - K.abs()
    apart = torch.where(gap > PARALLEL * product, gap * (product + K.abs()), 0)
    return torch.where(K.eq(q) & K.eq(q2), q * (q2 - K) + K * (q - K), apart)


def _root_of_product(q: Tensor, q2: Tensor) -> Tensor:
    """√q√q', with a finite derivative at 0."""
    smallest = torch.finfo(q.dtype).tiny
    return q.clamp_min(smallest).sqrt() * q2.clamp_min(smallest).sqrt()


def linear(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = z: F = K, F' = 1."""
    return K, torch.ones_like(K)


def relu(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = max(z, 0): the arc-cosine kernel of degree one, and of degree zero (Cho & Saul 2009).

    With t the angle between u and ±v that isn't obtuse, tan t = √Δ/|K|, and g = √q√q'·(sin t − t cos t) = √Δ − t|K|,
    F = max(K, 0)/2 + g/(2π), and F' = 1/2 − t/(2π) for K ≥ 0, t/(2π) for K < 0. F' is 1/4 where a variance is 0.
    """
    root, product = determinant(K, q, q2).sqrt(), _root_of_product(q, q2)
    t = torch.where((q > 0) & (q2 > 0), torch.atan2(root, K.abs()), pi / 2)
    t2 = t.square()
    series = product * t * t2 * (1 / 3 - t2 * (1 / 30 - t2 * (1 / 840 - t2 / 45360)))
    g = torch.where(t < SMALL_ANGLE, series, root - t * K.abs())
    part = t / (2 * pi)
    return K.clamp_min(0) / 2 + g / (2 * pi), torch.where(K < 0, part, 0.5 - part)


def erf(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """The error function (Williams 1997): F = (2/π)·arctan(2K/√T) and F' = (4/π)/√T, with T = 1 + 2q + 2q' + 4Δ.

    (1 + 2q)(1 + 2q') − 4K² is T, and an arcsine with it the arctangent.
    """
    root = (1 + 2 * q + 2 * q2 + 4 * determinant(K, q, q2)).sqrt()
    return 2 / pi * torch.atan2(2 * K, root), 4 / pi / root


def gelu(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = z·Φ(z) with Φ the normal distribution function (Tsuchida et al. 2021).

    With D = (1 + q)(1 + q') − K² = 1 + q + q' + Δ, s = 1/(1 + q) + 1/(1 + q') and t = π/2 + arctan(K/√D), so that
    E[Φ(u)Φ(v)] = t/(2π), integration by parts gives

        2π·F = K·t + (Δ + sK²)/√D,        2π·F' = t + (s + 1/D)·K/√D.

    These terms cancel where K < 0 and |K| > √D. There, with z = √D/|K| and t = arctan z, h = 1 − t/z and
    A = sD − 1 = 1 + q'/(1 + q) + q/(1 + q') + sΔ,

        2π·F = √D·h − A/√D,        2π·F' = ((A + Δ)/K² − 1/D)/z − z·h.
    """
    delta = determinant(K, q, q2)
    D = 1 + q + q2 + delta
    root, s = D.sqrt(), 1 / (1 + q) + 1 / (1 + q2)
    t = torch.atan2(root, -K)
    F, slope = K * t + (delta + s * K**2) / root, t + (s + 1 / D) * K / root
    opposite = root < -K
    k = torch.where(opposite, K, -root)  # z is 1 elsewhere
    z, A = -root / k, 1 + q2 / (1 + q) + q / (1 + q2) + s * delta
    h = torch.where(z < SMALL_ANGLE, _one_minus_arctangent(z), 1 - t / z)
    F = torch.where(opposite, root * h - A / root, F)
    slope = torch.where(opposite, ((A + delta) / k**2 - 1 / D) / z - z * h, slope)
    return F / (2 * pi), slope / (2 * pi)


def _one_minus_arctangent(z: Tensor) -> Tensor:
    """1 − arctan(z)/z as a series for small z."""
    z2 = z.square()
    return z2 * (1 / 3 - z2 * (1 / 5 - z2 * (1 / 7 - z2 * (1 / 9 - z2 * (1 / 11 - z2 / 13)))))


def tanh(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """The hyperbolic tangent, as the mixture Σ wₖ·erf(z/(√2 κₖ)) of `geomsym.kernels.logistic_mixture`.

    F = Σ wₖwₗ·(2/π)·arctan(K/√T) and F' = Σ wₖwₗ·(2/π)/√T with T = κₖ²κₗ² + κₗ²q + κₖ²q' + Δ, all of one sign. So F/K
    and F' are right at small variances, where tanh is linear, and at large ones, where it is a step.
    """
    delta = determinant(K, q, q2)
    F, slope = torch.zeros_like(delta), torch.zeros_like(delta)
    for scale, weight in zip(SCALES, WEIGHTS, strict=True):
        shifted = delta + scale**2 * q2
        for scale2, weight2 in zip(SCALES, WEIGHTS, strict=True):
            inverse = (shifted + scale2**2 * (scale**2 + q)).rsqrt()
            F += weight * weight2 * torch.atan(K * inverse)
            slope += weight * weight2 * inverse
    return 2 / pi * F, 2 / pi * slope


def sigmoid(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = 1/(1 + exp(−z)) = 1/2 + tanh(z/2)/2, whose parts are uncorrelated."""
    F, slope = tanh(K / 4, q / 4, q2 / 4)
    return 0.25 + F / 4, slope / 16


DUALS: dict[str, Dual] = {
    name: in_double(dual)
    for name, dual in {
        "linear": linear,
        "relu": relu,
        "erf": erf,
        "gelu": gelu,
        "sigmoid": sigmoid,
        "tanh": tanh,
    }.items()
}


Profile = Callable[[Tensor], Tensor]
"""A smooth function of one variable, elementwise on tensors."""


@dataclass(frozen=True)
class Moments:
    """Means over a normal variable z of variance s: `value` s -> E[φ(z)²], and `slope` s -> E[φ'(z)²].

    Both can be differentiated in s by `torch.func`, any number of times.
    """

    value: Profile
    slope: Profile

    def scaled(self, scale: float) -> "Moments":
        """Those of z -> φ(scale·z)."""
        squared = scale**2
        return Moments(lambda s: self.value(squared * s), lambda s: squared * self.slope(squared * s))


def moments_of(dual: Dual) -> Moments:
    """A dual at equal arguments, if it is smooth there: that of ReLU has the root of Δ = 0."""
    return Moments(lambda s: dual(s, s, s)[0], lambda s: dual(s, s, s)[1])


def monomial_moments(q: int) -> Moments:
    """φ(z) = max(z, 0)^q, q ≥ 1: ½(2q−1)!! s^q and ½q²(2q−3)!! s^(q−1); q = 1 is ReLU (Cho & Saul 2009)."""
    odd = prod(range(1, 2 * q - 2, 2))
    return Moments(lambda s: odd * (2 * q - 1) / 2 * s**q, lambda s: q**2 * odd / 2 * s ** (q - 1))


def integrated_moments(phi: Profile) -> Moments:
    """A smooth φ, by the trapezoidal rule on 4001 points of |z|/√s ≤ 10; derivatives with respect to s need s > 0.

    For analytic integrands the rule converges geometrically, at a rate set by the distance of the nearest singularity
    from the real axis, where Gauss-Hermite quadrature slows down with it (Trefethen & Weideman 2014).
    """
    nodes = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    weights = torch.softmax(-nodes.square() / 2, 0)

    def mean(function: Profile) -> Profile:
        return lambda s: function(s.sqrt()[..., None] * nodes.to(s)).square() @ weights.to(s)

    return Moments(mean(phi), mean(lambda z: jvp(phi, (z,), (torch.ones_like(z),))[1]))


MOMENTS: dict[str, Moments] = {name: moments_of(dual) for name, dual in DUALS.items()} | {
    "relu": monomial_moments(1),
    "sigmoid": integrated_moments(ACTIVATIONS["sigmoid"]),
    "tanh": integrated_moments(ACTIVATIONS["tanh"]),
}
"""The moments of every activation, from its dual; or by sums over points where derivatives then keep more digits."""
