"""A network that sees x as another one sees τx: the coupled first layer of Theorem 4.1.

The first layer of a network is linear in the image, z = L(W) x + b, and its weights W fix the operator L(W). The
coupled weights W' solve L(W') = L(W) τ, so that the two networks agree on x and τx (Xiao & Pennington 2022, Theorem
4.1 in §4, proof in App. D). They exist for every orthogonal τ where the layer is dense, for maps of each pixel's
channels where it is locally connected, and for one map of the channels, the same at all pixels, where filters are
shared. Layers before it may only flatten or average.

In all other cases the least-squares solution leaves a residual of order one. It needs no linear solver: L(W) is a sum
over weights w of w·E_w with patterns E_w that are constant on their support. Any two patterns have disjoint supports,
or are equal if a filter is so large that it wraps around the image. So the projection on their span is a mean over tied
entries: L*(M) / L*(L(1)) elementwise, with L* the adjoint, which is the minimiser of smallest norm. Output units don't
mix, so one linear map takes the weights of any unit to the coupled ones.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp

from geomsym.architectures.layers import Conv, Dense, GlobalAveragePool, LocallyConnected
from geomsym.errors import ConfigError
from geomsym.transforms import Transform

FirstLayer = Dense | Conv | LocallyConnected

LINEAR = (nn.Flatten, nn.AvgPool2d, GlobalAveragePool)
"""What may come before the first layer with weights: linear in the image, without weights of its own."""

OUTPUTS = 2**25
"""How many outputs of a layer are held at once: 256 MiB in float64."""


@dataclass(frozen=True, eq=False)
class Coupling:
    """The map from first layers to coupled ones, for networks of one kind and one τ.

    `matrix` M [..., f, f] gives the coupled weights W' = W M of a unit with fan-in f, the same for all units but
    different from position to position, [h, w, f, f], in a locally connected layer. M is τ itself where the layer is
    dense.
    """

    tau: Transform
    matrix: Tensor

    def __call__(self, network: nn.Sequential) -> nn.Sequential:
        """The copy f' of a network f that is nearest to f'(x) = f(τx); f is left as it is."""
        coupled = deepcopy(network)
        layer = first_layer(coupled)
        with torch.no_grad():
            layer.weight.copy_((_rows(layer, layer.weight) @ self.matrix).reshape(layer.weight.shape))
        return coupled

    @torch.no_grad()
    def residual(self, network: nn.Sequential) -> float:
        """How far f'(x) is from f(τx): |L(W') − L(W)τ| / |L(W)τ|, Frobenius norms; 1e-16 if it is exact in float64."""
        layer, nearest = first_layer(network), first_layer(self(network)).weight
        before = network[: _position(network)]
        missed = wanted = 0.0
        for images in _basis(layer, layer.weight, self.tau):
            target = _operator(layer, layer.weight, before(self.tau(images)))
            missed += (_operator(layer, nearest, before(images)) - target).square().sum().item()
            wanted += target.square().sum().item()
        return (missed / wanted) ** 0.5


@torch.no_grad()
def coupling(network: nn.Sequential, tau: Transform) -> Coupling:
    """The coupling of networks like this one, by a map τ of the images [c, h, w] that they take.

    In the dtype and on the device of the weights. Weights that reach no pixel, as some do at the border of images
    padded with zeros, keep their values. Raises a `ConfigError` for networks with no first layer that is linear in the
    image.
    """
    layer, before = first_layer(network), network[: _position(network)]
    tau = tau.to(layer.weight.dtype, layer.weight.device)
    units = _unit_weights(layer)
    sums, counts = torch.zeros_like(units), torch.zeros_like(units)
    for images in _basis(layer, units, tau):
        inputs = before(images)
        ones, adjoint, *_ = vjp(lambda weight, x=inputs: _operator(layer, weight, x), torch.ones_like(units))
        sums += adjoint(_operator(layer, units, before(tau(images))))[0]
        counts += adjoint(ones)[0]
    return Coupling(tau, _rows(layer, torch.where(counts > 0, sums / counts, units)))


def first_layer(network: nn.Sequential) -> FirstLayer:
    """The first layer with weights.

    Raises a `ConfigError` where something that isn't linear, such as an activation, comes first.
    """
    layer = network[_position(network)] if len(network) else None
    if not isinstance(layer, FirstLayer):
        kinds = ", ".join(type(module).__name__ for module in network)
        reason = "has no first layer that is linear in the image: begin with a convolution, or with Flatten and Dense"
        raise ConfigError("architecture", f"({kinds})", reason)
    return layer


def _position(network: nn.Sequential) -> int:
    """The index of the first module that isn't in `LINEAR`, or of the last module."""
    return next((k for k, module in enumerate(network) if not isinstance(module, LINEAR)), len(network) - 1)


def _operator(layer: FirstLayer, weight: Tensor, inputs: Tensor) -> Tensor:
    """L(W) applied to inputs [b, …], without the bias: [b, n] or [b, n, h, w]; linear in `weight`, of any width n."""
    parameters = {"weight": weight, "bias": weight.new_zeros(weight.shape[: layer.bias.ndim])}
    return functional_call(layer, parameters, (inputs,))


def _rows(layer: FirstLayer, weight: Tensor) -> Tensor:
    """Weights with one row for each unit, [..., n, f]."""
    return weight.flatten(layer.bias.ndim)


def _unit_weights(layer: FirstLayer) -> Tensor:
    """The weights of f units, f the fan-in, each with a single weight of one."""
    positions, fan_in = layer.bias.shape[:-1], layer.weight.shape[layer.bias.ndim :]
    eye = torch.eye(prod(fan_in), dtype=layer.weight.dtype, device=layer.weight.device)
    return eye.reshape(-1, *fan_in).expand(*positions, *eye.shape[:1], *fan_in).contiguous()


def _basis(layer: FirstLayer, weight: Tensor, tau: Transform) -> Iterator[Tensor]:
    """All images [b, c, h, w] with a single nonzero value, 1, as many at a time as `OUTPUTS` allows."""
    units = weight.shape[layer.bias.ndim - 1] * (1 if isinstance(layer, Dense) else prod(tau.shape[1:]))
    count, total = max(1, OUTPUTS // units), prod(tau.shape)
    for start in range(0, total, count):
        images = weight.new_zeros(min(count, total - start), total)
        images.diagonal(start).fill_(1)
        yield images.reshape(-1, *tau.shape)
