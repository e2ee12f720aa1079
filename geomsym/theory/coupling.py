"""A network that sees x as another one sees τx: the coupled first layer of Theorem 4.1.

The first layer of a network is linear in the image, z = L(W) x + b, and its weights W fix the operator L(W). The
coupled weights W' solve L(W') = L(W) τ, so that the two networks agree on x and τx (Xiao & Pennington 2022, Theorem
4.1, App. D). They exist for every orthogonal τ where the layer is dense, for maps of each pixel's channels where it is
locally connected, and for one map of the channels, the same at all pixels, where filters are shared.

Elsewhere the best weights in the sense of least squares leave a residual of order one. They need no linear solver: L(W)
is a sum over weights w of w·E_w with patterns E_w of zeros and equal entries, where any two patterns are disjoint, or
equal in the case of a filter so large that it wraps around the image. The projection on their span is then a mean over
tied entries, L*(M) / L*(L(1)) elementwise, L* the adjoint, and of all minimisers the one of smallest norm.
"""

from copy import deepcopy
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp

from geomsym.architectures.layers import Conv, Dense, LocallyConnected
from geomsym.errors import ConfigError
from geomsym.transforms import Transform

FirstLayer = Dense | Conv | LocallyConnected


@dataclass(frozen=True, eq=False)
class Coupling:
    """The `network` f' that is nearest to f'(x) = f(τx), and how far from it: |L(W') − L(W)τ| / |L(W)τ|."""

    network: nn.Sequential
    residual: float


def couple(network: nn.Sequential, tau: Transform) -> Coupling:
    """A copy of a network f with the first layer that comes nearest to f'(x) = f(τx); f is left as it is.

    The map acts on the images [c, h, w] that the network takes, here in the dtype and on the device of the weights;
    the residual of an exact coupling is rounding, 1e-16 in float64. Weights that reach no pixel, as some do at the
    border of images padded with zeros, keep their values. Raises a `ConfigError` for networks with no first layer
    that is linear in the image.
    """
    coupled = deepcopy(network)
    layer, before = first_layer(coupled), coupled[: _position(coupled)]
    tau = tau.to(layer.weight.dtype, layer.weight.device)
    basis = torch.eye(prod(tau.shape), dtype=layer.weight.dtype, device=layer.weight.device).reshape(-1, *tau.shape)
    with torch.no_grad():
        target = _operator(layer, layer.weight, before(tau(basis)))
        weight, nearest = _project(layer, before(basis), target)
        layer.weight.copy_(weight)
    return Coupling(coupled, ((nearest - target).norm() / target.norm()).item())


def first_layer(network: nn.Sequential) -> FirstLayer:
    """The first layer with weights, which stands at the beginning or behind `Flatten`.

    Raises a `ConfigError` where something else, such as an activation, comes first.
    """
    layer = network[_position(network)] if len(network) else None
    if not isinstance(layer, FirstLayer):
        kinds = ", ".join(type(module).__name__ for module in network)
        reason = "has no first layer that is linear in the image: begin with a convolution, or with Flatten and Dense"
        raise ConfigError("architecture", f"({kinds})", reason)
    return layer


def _position(network: nn.Sequential) -> int:
    return 1 if len(network) > 1 and isinstance(network[0], nn.Flatten) else 0


def _operator(layer: FirstLayer, weight: Tensor, inputs: Tensor) -> Tensor:
    """L(W) applied to inputs [b, …], without the bias: [b, n] or [b, n, h, w]; linear in `weight`."""
    parameters = {"weight": weight, "bias": torch.zeros_like(layer.bias)}
    return functional_call(layer, parameters, (inputs,))


def _project(layer: FirstLayer, basis: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The weights W' with L(W') nearest to an operator, and L(W'); operators as their outputs on the basis images."""
    ones, adjoint, *_ = vjp(lambda weight: _operator(layer, weight, basis), torch.ones_like(layer.weight))
    counts, sums = adjoint(ones)[0], adjoint(target)[0]
    weight = torch.where(counts > 0, sums / counts, layer.weight)
    return weight, _operator(layer, weight, basis)
