"""From layer specs to a torch network of finite width, with random initial values."""

from functools import singledispatch
from math import sqrt

import torch
from torch import Tensor, nn

from geomsym.architectures import layers
from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LocallyConnected,
    Shape,
    Specs,
    shapes,
)
from geomsym.seeds import torch_generator


def build(specs: Specs, input_shape: Shape, seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """A network for inputs of shape `input_shape` [c, h, w] (no batch), one module for each spec, on the CPU.

    Parameters are independent, of mean 0 and variance 1, and the same for every dtype up to rounding: they
    are drawn in float64 from `seed`. Raises `ConfigError` where the layers and the input's shape don't fit
    together.

    The scale of a layer stands in its forward pass, so that a single linear layer is σ_w/√fan_in · W x + σ_b · b:

    >>> linear = build((Flatten(), Dense(4, w_variance=2.0, b_variance=0.0)), (3, 2, 2))
    >>> x, W = torch.ones(1, 3, 2, 2), linear[1].weight
    >>> W.shape, torch.allclose(linear(x), sqrt(2 / 12) * x.flatten(1) @ W.T)
    (torch.Size([4, 12]), True)
    """
    generator = torch_generator(seed, "parameters")
    inputs = shapes(specs, input_shape)[:-1]
    modules = [module(spec, shape, generator).to(dtype) for spec, shape in zip(specs, inputs, strict=True)]
    return nn.Sequential(*modules)


@singledispatch
def module(spec, shape: Shape, generator: torch.Generator) -> nn.Module:
    """The torch module of one spec for an input of this shape, its weights drawn from the generator."""
    raise TypeError(f"no torch module is registered for {spec!r}")


@module.register
def _(spec: Dense, shape: Shape, generator: torch.Generator) -> nn.Module:
    weight = draw((spec.width, *shape), spec.init, generator)
    return layers.Dense(spec, weight, draw((spec.width,), "gaussian", generator))


@module.register
def _(spec: Conv, shape: Shape, generator: torch.Generator) -> nn.Module:
    weight = draw((spec.width, shape[0], spec.kernel_size, spec.kernel_size), spec.init, generator)
    return layers.Conv(spec, weight, draw((spec.width,), "gaussian", generator))


@module.register
def _(spec: LocallyConnected, shape: Shape, generator: torch.Generator) -> nn.Module:
    channels, *positions = shape
    fan_in = (channels, spec.kernel_size, spec.kernel_size)
    weight = draw((*positions, spec.width, *fan_in), spec.init, generator)
    return layers.LocallyConnected(spec, weight, draw((*positions, spec.width), "gaussian", generator))


@module.register
def _(spec: Activation, shape: Shape, generator: torch.Generator) -> nn.Module:
    return layers.Activation(spec)


@module.register
def _(spec: Flatten, shape: Shape, generator: torch.Generator) -> nn.Module:
    return nn.Flatten()


@module.register
def _(spec: AveragePool, shape: Shape, generator: torch.Generator) -> nn.Module:
    return nn.AvgPool2d(spec.window)


@module.register
def _(spec: GlobalAveragePool, shape: Shape, generator: torch.Generator) -> nn.Module:
    return layers.GlobalAveragePool()


def draw(shape: Shape, law: str, generator: torch.Generator) -> Tensor:
    """Independent values of mean 0 and variance 1: N(0, 1), or uniform on [−√3, √3]; float64."""
    if law == "gaussian":
        return torch.randn(shape, generator=generator, dtype=torch.float64)
    return (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * sqrt(3)
