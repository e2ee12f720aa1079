"""The infinite reading of layer specs: how covariances and tangent kernels pass through each layer.

Novak et al. (2019), Xiao & Pennington (2022). A state holds, for pairs of images, the covariance K of pre- or
post-activations and the tangent kernel Θ; q and q' are the variances, K's values for an image with itself. Pairs are
arranged by broadcasting: K [n1, n2] for all pairs of two sets, q [n1, 1] and q' [1, n2].
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce, singledispatch
from typing import Any

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Activation, Conv, Dense, LocallyConnected
from geomsym.architectures.layers import pad
from geomsym.errors import look_up
from geomsym.kernels.dual import DUALS
from geomsym.kernels.readout import Displacement


@dataclass(frozen=True)
class Vectors:
    """Pairs of vectors: K, Θ [n1, n2], q [n1, 1], q' [1, n2]."""

    K: Tensor
    Theta: Tensor
    q: Tensor
    q2: Tensor


@dataclass(frozen=True)
class Planes:
    """Pairs of images at one displacement δ: K and Θ at (α, α + δ) as planes [n1, n2, h, w] over α.

    q [n1, 1, h, w] and q' [1, n2, h, w] are the variances at α, not displaced. With zero padding a plane is 0 where
    α + δ lies outside the image.
    """

    K: Tensor
    Theta: Tensor
    q: Tensor
    q2: Tensor
    displacement: Displacement


def input_planes(x1: Tensor, x2: Tensor, displacement: Displacement, circular: bool) -> Planes:
    """K = ⟨x_α, x'_{α+δ}⟩/c and Θ = 0 for images x1 [n1, c, h, w] and x2 [n2, c, h, w].

    K and the variances come from the same operations in the same order, here and in every layer. Where two patches are
    equal, K then equals q to the last bit and the angle between them is 0, not the root of a rounding error.
    """
    K = _inner(x1[:, None], displaced(x2, displacement, circular)[None])
    return Planes(K, torch.zeros_like(K), _inner(x1, x1)[:, None], _inner(x2, x2)[None], displacement)


def _inner(x1: Tensor, x2: Tensor) -> Tensor:
    """⟨x, x'⟩/c over the channels of [..., c, h, w], one channel after another."""
    return sum((x1[..., k, :, :] * x2[..., k, :, :] for k in range(x1.shape[-3])), x1.new_zeros(())) / x1.shape[-3]


@singledispatch
def propagate(spec: Any, state: Any) -> Any:
    """The state behind a layer."""
    raise TypeError(f"no kernel is registered for {spec!r}")


@propagate.register(Dense)
def _(spec: Dense, state: Vectors) -> Any:
    K, q, q2 = (spec.w_variance * value + spec.b_variance for value in (state.K, state.q, state.q2))
    return Vectors(K, K + spec.w_variance * state.Theta, q, q2)


@propagate.register(Activation)
def _(spec: Activation, state: Vectors | Planes) -> Any:
    dual = look_up("architecture.activation", spec.name, DUALS)
    q2 = state.q2
    if isinstance(state, Planes):
        q2 = displaced(q2, state.displacement, circular=True)  # outside the image K is masked in any case
    K, slope = dual(state.K, state.q, q2)
    # elementwise functions may round differently in tensors of another shape: equal images stay equal by construction
    equal = (state.q == state.K) & (q2 == state.K)
    q, q2 = (dual(variance, variance, variance)[0] for variance in (state.q, state.q2))
    return replace(state, K=torch.where(equal, q, K), Theta=state.Theta * slope, q=q, q2=q2)


@propagate.register(Conv)
def _(spec: Conv, state: Planes) -> Any:
    circular = spec.padding == "circular"
    inside = overlap(state.displacement, state.K.shape[-2:], circular).to(state.K)

    def convolved(plane: Tensor) -> Tensor:
        return spec.w_variance * box_mean(plane, spec.kernel_size, spec.padding)

    K = (convolved(state.K * inside) + spec.b_variance) * inside
    Theta = K + convolved(state.Theta * inside) * inside
    q, q2 = (convolved(variance) + spec.b_variance for variance in (state.q, state.q2))
    return Planes(K, Theta, q, q2, state.displacement)


@propagate.register(LocallyConnected)
def _(spec: LocallyConnected, state: Planes) -> Any:
    """A convolution on the plane δ = 0; filters and biases of different positions are independent."""
    convolved = propagate.dispatch(Conv)(spec, state)
    if state.displacement == (0, 0):
        return convolved
    return replace(convolved, K=torch.zeros_like(state.K), Theta=torch.zeros_like(state.Theta))


def box_mean(plane: Tensor, kernel_size: int, padding: str) -> Tensor:
    """The mean over kernel_size² taps around every position of planes [..., h, w]; taps outside count as 0.

    One addition after another, so that a plane's values depend on nothing but the plane: a reduction adds up in an
    order of its own for every shape of tensor.
    """
    h, w = plane.shape[-2:]
    padded = pad(plane, kernel_size // 2, padding)
    rows = reduce(torch.add, (padded[..., tap : tap + h, :] for tap in range(kernel_size)))
    return reduce(torch.add, (rows[..., tap : tap + w] for tap in range(kernel_size))) / kernel_size**2


def displaced(x: Tensor, displacement: Displacement, circular: bool) -> Tensor:
    """The plane [..., h, w] of x at α + δ for every α; wrapped around, or 0 outside."""
    rolled = x.roll((-displacement[0], -displacement[1]), (-2, -1))
    return rolled if circular else rolled * overlap(displacement, x.shape[-2:], circular).to(x)


def overlap(displacement: Displacement, size: Sequence[int], circular: bool) -> Tensor:
    """Where α + δ lies inside the image, [h, w]; everywhere if images are periodic."""
    rows, columns = (torch.arange(length) + shift for length, shift in zip(size, displacement, strict=True))
    inside = ((rows >= 0) & (rows < size[0]))[:, None] & ((columns >= 0) & (columns < size[1]))[None]
    return torch.ones_like(inside) if circular else inside
