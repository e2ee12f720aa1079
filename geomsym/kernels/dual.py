"""Dual activations: expectations of a nonlinearity over a pair of jointly normal variables.

For (u, v) centred normal with variances q, q' and covariance K,

    F(K; q, q') = E[φ(u) φ(v)],        F'(K; q, q') = ∂F/∂K = E[φ'(u) φ'(v)]    (Price 1958),

which is one layer of the NNGP recursion and the factor of the tangent kernel's (Jacot et al. 2018). All arguments are
tensors that broadcast against each other.
"""

from collections.abc import Callable
from math import pi, sqrt

import torch
from torch import Tensor

Dual = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(K, q, q') -> (F, F')."""

QUADRATURE_NODES, QUADRATURE_END = 128, 8.5
"""The trapezoidal rule's nodes, and where it ends: the normal density is then below 1e-16."""


def linear(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = z: F = K, F' = 1."""
    return K, torch.ones_like(K)


def relu(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = max(z, 0): the arc-cosine kernel of degree one, and of degree zero (Cho & Saul 2009).

    With θ the angle, cos θ = K/√(qq'): F = √(qq')/(2π)·(sin θ + (π − θ) cos θ), F' = (π − θ)/(2π). θ is found from
    both 1 − cos θ and 1 + cos θ, which keeps its digits near 0 and π.
    """
    scale = (q * q2).sqrt()
    cosine = (K / scale.clamp_min(torch.finfo(K.dtype).tiny)).clamp(-1, 1)
    theta = 2 * torch.atan2((1 - cosine).sqrt(), (1 + cosine).sqrt())
    sine = ((1 - cosine) * (1 + cosine)).sqrt()
    return scale / (2 * pi) * (sine + (pi - theta) * cosine), (pi - theta) / (2 * pi)


def erf(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """The error function (Williams 1997): F = (2/π) arcsin(2K/S), F' = (4/π)/√(S² − 4K²), S² = (1 + 2q)(1 + 2q')."""
    S2 = (1 + 2 * q) * (1 + 2 * q2)
    return 2 / pi * torch.asin((2 * K / S2.sqrt()).clamp(-1, 1)), 4 / pi / (S2 - 4 * K**2).sqrt()


def gelu(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """φ(z) = z·Φ(z) with Φ the normal distribution function (Tsuchida et al. 2021).

    With D = (1 + q)(1 + q') − K², P = 1/(2π√D), G = E[Φ(u)Φ(v)] = 1/4 + arcsin(K/√((1 + q)(1 + q')))/(2π) and
    R = qq' − K² + K²/(1 + q) + K²/(1 + q'), integration by parts gives F = K·G + P·R; F' is its derivative.
    """
    S2 = (1 + q) * (1 + q2)
    D = S2 - K**2
    P = 1 / (2 * pi * D.sqrt())
    G = 0.25 + torch.asin((K / S2.sqrt()).clamp(-1, 1)) / (2 * pi)
    bend = 1 / (1 + q) + 1 / (1 + q2) - 1
    R = q * q2 + K**2 * bend
    return K * G + P * R, G + K * P + P * (2 * K * bend + K * R / D)


def by_quadrature(phi: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]) -> Dual:
    """The dual of a smooth φ with derivative `slope`, by the trapezoidal rule on 128 × 128 nodes.

    u = √q·a and v = K/√q·a + √(q' − K²/q)·b with a, b independent standard normal. For φ analytic within a distance r
    of the real axis the error falls as exp(−2πr/(h√q)) with the step h = 0.13 (Trefethen & Weideman 2014): 1e-9 for
    tanh at q = 5, where as many nodes by Gauss and Hermite, made for polynomials, leave 1e-4.
    """
    nodes = torch.linspace(-QUADRATURE_END, QUADRATURE_END, QUADRATURE_NODES, dtype=torch.float64)
    weights = (nodes[1] - nodes[0]) * torch.exp(-(nodes**2) / 2) / sqrt(2 * pi)

    def dual(K: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
        K, q, q2 = torch.broadcast_tensors(K, q, q2)
        along = K / q.sqrt().clamp_min(torch.finfo(K.dtype).tiny)
        across = (q2 - along**2).clamp_min(0).sqrt()
        F, F1 = torch.zeros_like(K), torch.zeros_like(K)
        x, w = nodes.to(K), weights.to(K)
        for a, weight in zip(x, w, strict=True):
            v = along[..., None] * a + across[..., None] * x
            F += weight * phi(q.sqrt() * a) * (phi(v) @ w)
            F1 += weight * slope(q.sqrt() * a) * (slope(v) @ w)
        return F, F1

    return dual


DUALS: dict[str, Dual] = {
    "linear": linear,
    "relu": relu,
    "erf": erf,
    "gelu": gelu,
    "sigmoid": by_quadrature(torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z)),
    "tanh": by_quadrature(torch.tanh, lambda z: 1 - torch.tanh(z) ** 2),
}
