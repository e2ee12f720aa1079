"""Feature maps of networks: Φ: R^d -> R^n, the post-activations of a chosen layer at one flattened input.

The map evaluates a copy of the network, in float64, in evaluation mode and with frozen parameters, on batches;
the network that is given stays as it is. The features of an input must not depend on the other inputs of a batch, which
holds in evaluation mode for all usual layers and can't be checked here.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from geomsym.architectures import layers
from geomsym.architectures.layer_specs import Shape
from geomsym.errors import ConfigError, nearest
from geomsym.geometry.jacobian import MEMORY, FeatureMap, jacobian
from geomsym.geometry.shallow import ShallowMap

KEY = "geometry.layer"
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class NetworkMap:
    """The whole output of a network, flattened; `network` takes [b, *input_shape]."""

    network: nn.Module
    input_shape: Shape

    @property
    def unshared(self) -> bool:
        """Whether there are locally connected layers."""
        return _unshared(self.network)

    def __call__(self, x: Tensor) -> Tensor:
        """[d] -> [n]."""
        return self.batch(x[None])[0]

    def batch(self, x: Tensor) -> Tensor:
        """[b, d] -> [b, n]."""
        return self.network(x.unflatten(1, self.input_shape)).flatten(1)


@dataclass(frozen=True)
class SubmoduleMap(NetworkMap):
    """The output of one submodule in a pass through a network, flattened; of its last call if there are several."""

    name: str

    def batch(self, x: Tensor) -> Tensor:
        """[b, d] -> [b, n]; raises `ConfigError` where the submodule isn't called or doesn't return a tensor."""
        outputs = []
        hook = self.network.get_submodule(self.name).register_forward_hook(lambda *call: outputs.append(call[-1]))
        try:
            self.network(x.unflatten(1, self.input_shape))
        finally:
            hook.remove()
        if not outputs or not isinstance(outputs[-1], Tensor):
            found = f"returns {type(outputs[-1]).__name__}, no tensor" if outputs else "is not called by the network"
            raise ConfigError(KEY, self.name, f"the submodule {found}: {_names(self.network)}")
        return outputs[-1].flatten(1)


@dataclass(frozen=True)
class StackedMap:
    """The features of several layers of one pass, one after another; [d] -> [n_1 + … + n_L]."""

    stages: Sequence[nn.Module]
    input_shape: Shape

    @property
    def unshared(self) -> bool:
        """Whether there are locally connected layers."""
        return any(map(_unshared, self.stages))

    def __call__(self, x: Tensor) -> Tensor:
        """[d] -> [n_1 + … + n_L]."""
        return self.batch(x[None])[0]

    def batch(self, x: Tensor) -> Tensor:
        """[b, d] -> [b, n_1 + … + n_L]."""
        return torch.cat(self.layers(x), dim=1)

    def layers(self, x: Tensor) -> list[Tensor]:
        """[b, d] -> the features [b, n_l] of every layer."""
        value, outputs = x.unflatten(1, self.input_shape), []
        for stage in self.stages:
            value = stage(value)
            outputs.append(value.flatten(1))
        return outputs


def feature_map(network: nn.Module, input_shape: Shape, layer: int | str | None = None) -> FeatureMap:
    """The features of one layer of a network for inputs of shape `input_shape` (no batch), flattened to [d].

    `layer` None means the input of the dense readout, that is, the last hidden activation after pooling. An integer k
    from 1 to the depth means the k-th hidden activation; the last one includes the pooling. Both need a network of
    `geomsym.architectures.build`. A string is the dotted name of a submodule of any network, whose output is taken.

    One dense layer and an activation give a `ShallowMap`, which has closed forms. Raises `ConfigError` for a layer
    that the network doesn't have.

    >>> from geomsym.architectures import build, specs
    >>> from geomsym.geometry import metric
    >>> network = build(specs("gap", depth=2, width=5), (3, 4, 4), dtype=torch.float64)
    >>> phi = feature_map(network, (3, 4, 4))
    >>> x = torch.ones(7, 3 * 4 * 4, dtype=torch.float64)  # images as vectors
    >>> phi(x[0]).shape, metric(phi, x).shape
    (torch.Size([5]), torch.Size([7, 48, 48]))
    """
    if isinstance(layer, str):
        if layer not in dict(network.named_modules()) or not layer:
            hint = nearest(layer, [name for name, _ in network.named_modules()])
            raise ConfigError(KEY, layer, f"no such submodule: {_names(network)}{hint}")
        return SubmoduleMap(_frozen(network), input_shape, layer)
    body, ends = _body(network, layer)
    if layer is None:
        return _stack_map(body, input_shape)
    if not 1 <= layer <= len(ends):
        available = f"1 to {len(ends)}" if ends else "none"
        raise ConfigError(KEY, layer, f"hidden layers by number: {available}; {_names(network)}")
    return _stack_map(body[: ends[layer - 1]], input_shape)


def feature_maps(network: nn.Module, input_shape: Shape) -> dict[int, FeatureMap]:
    """The maps of all hidden layers, 1 to the depth, of a network of `geomsym.architectures.build`."""
    return {k: feature_map(network, input_shape, k) for k in range(1, len(_body(network, None)[1]) + 1)}


def layer_jacobians(network: nn.Module, input_shape: Shape, x: Tensor, memory: float = MEMORY) -> dict[int, Tensor]:
    """J [p, n_l, d] of all hidden layers at points x [p, d] in one pass, as of `feature_maps`.

    This takes about as much work as the Jacobian of the last layer alone, if the layers before it are no narrower than
    d.
    """
    body, ends = _body(network, None)
    if not ends:
        return {}
    starts = [0, *ends[:-1]]
    stacked = StackedMap([_frozen(nn.Sequential(*body[i:j])) for i, j in zip(starts, ends, strict=True)], input_shape)
    sizes = [features.shape[1] for features in stacked.layers(x[:1])]
    return dict(enumerate(jacobian(stacked, x, memory).split(sizes, dim=1), start=1))


def logits(network: nn.Module, input_shape: Shape) -> FeatureMap:
    """The map [d] -> [outputs] of the whole network."""
    return NetworkMap(_frozen(network), input_shape)


def _body(network: nn.Module, layer: int | None) -> tuple[list[nn.Module], list[int]]:
    """The modules before the dense readout, and for each hidden layer the number of modules up to its end."""
    readout = network[-1] if isinstance(network, nn.Sequential) and len(network) else None
    if not isinstance(readout, layers.Dense) or not isinstance(network, nn.Sequential):
        reason = "only stacks of layers that end in a dense readout have numbered layers"
        raise ConfigError(KEY, layer, f"{reason}; {_names(network)}")
    body = list(network)[:-1]
    ends = [k + 1 for k, module in enumerate(body) if isinstance(module, layers.Activation)]
    return body, [*ends[:-1], len(body)] if ends else []


def _stack_map(modules: list[nn.Module], input_shape: Shape) -> FeatureMap:
    """A `ShallowMap` for one dense layer and an activation, otherwise a `NetworkMap`."""
    copy = _frozen(nn.Sequential(*modules))
    match [module for module in copy if not isinstance(module, nn.Flatten)]:
        case [layers.Dense() as dense, layers.Activation() as activation]:
            return ShallowMap(dense.scale * dense.weight, dense.bias_scale * dense.bias, activation.function)
    return NetworkMap(copy, input_shape)


def _unshared(network: nn.Module) -> bool:
    return any(isinstance(module, layers.LocallyConnected) for module in network.modules())


def _frozen(network: Module) -> Module:
    return deepcopy(network).eval().double().requires_grad_(False)


def _names(network: nn.Module) -> str:
    names = [name for name, _ in network.named_modules() if name]
    return f"give one of the submodules {', '.join(names)}" if names else "the network has no submodules"
