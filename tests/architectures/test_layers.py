"""Layers against loops over positions and taps, and locally connected against convolutional."""

from itertools import product
from math import sqrt

import pytest
import torch
from torch import Tensor

from geomsym import config
from geomsym.architectures import layers
from geomsym.architectures.activations import ACTIVATIONS
from geomsym.architectures.layer_specs import Activation, Conv, Dense, LocallyConnected

W_VARIANCE, B_VARIANCE = 1.7, 0.3
SIZES = [(1, 1), (4, 4), (2, 5), (5, 3)]
CASES = [
    (kernel_size, padding, size)
    for kernel_size, padding, size in product([1, 3, 5], ["circular", "zero"], SIZES)
    if padding == "zero" or kernel_size // 2 <= min(size)
]
everywhere = pytest.mark.parametrize(("kernel_size", "padding", "size"), CASES)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def looped(x: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
    """out[b, n, i, j] = σ_w/√(c·k²) Σ_{c,u,v} W[i,j,n,c,u,v] x[b, c, i+u−k//2, j+v−k//2] + σ_b b[i,j,n]."""
    height, width, channels, fan_in, k, _ = weight.shape
    out = torch.zeros(len(x), channels, height, width, dtype=torch.float64)
    for i, j in product(range(height), range(width)):
        out[:, :, i, j] = sqrt(B_VARIANCE) * bias[i, j]
        for u, v in product(range(k), range(k)):
            p, q = i + u - k // 2, j + v - k // 2
            inside = 0 <= p < height and 0 <= q < width
            if padding == "zero" and not inside:
                continue
            for n, c in product(range(channels), range(fan_in)):
                pixel = x[:, c, p % height, q % width]
                out[:, n, i, j] += sqrt(W_VARIANCE / (fan_in * k * k)) * weight[i, j, n, c, u, v] * pixel
    return out


@everywhere
def test_conv_is_the_loop(kernel_size, padding, size):
    x, weight, bias = normal(2, 3, *size), normal(2, 3, kernel_size, kernel_size, seed=1), normal(2, seed=2)
    layer = layers.Conv(Conv(2, W_VARIANCE, B_VARIANCE, "gaussian", kernel_size, padding), weight, bias)
    slow = looped(x, weight.expand(*size, *weight.shape), bias.expand(*size, 2), padding)
    torch.testing.assert_close(layer(x), slow, rtol=0, atol=1e-13)


@everywhere
def test_locally_connected_is_the_loop(kernel_size, padding, size):
    x, bias = normal(2, 3, *size), normal(*size, 2, seed=2)
    weight = normal(*size, 2, 3, kernel_size, kernel_size, seed=1)
    spec = LocallyConnected(2, W_VARIANCE, B_VARIANCE, "gaussian", kernel_size, padding)
    layer = layers.LocallyConnected(spec, weight, bias)
    torch.testing.assert_close(layer(x), looped(x, weight, bias, padding), rtol=0, atol=1e-13)


@everywhere
def test_locally_connected_with_repeated_filters_is_a_convolution(kernel_size, padding, size):
    x, weight, bias = normal(2, 3, *size), normal(4, 3, kernel_size, kernel_size, seed=1), normal(4, seed=2)
    settings = (4, W_VARIANCE, B_VARIANCE, "gaussian", kernel_size, padding)
    shared = layers.Conv(Conv(*settings), weight, bias)
    repeated = (weight.expand(*size, *weight.shape).clone(), bias.expand(*size, 4).clone())
    unshared = layers.LocallyConnected(LocallyConnected(*settings), *repeated)
    torch.testing.assert_close(unshared(x), shared(x), rtol=0, atol=1e-13)
    if size != (1, 1):
        with torch.no_grad():
            unshared.weight[0, 0] += 1
        assert (unshared(x) - shared(x)).abs().amax() > 0.1


def test_circular_and_zero_padding_differ_at_the_border_only():
    x, weight, bias = normal(2, 3, 5, 4), normal(2, 3, 3, 3, seed=1), normal(2, seed=2)
    circular, zero = (layers.Conv(Conv(2, padding=p), weight, bias)(x) for p in ("circular", "zero"))
    different = (circular - zero).abs().amax((0, 1)) > 1e-12
    border = torch.ones(5, 4, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert torch.equal(different, border)


def test_dense_is_the_sum():
    x, weight, bias = normal(4, 5), normal(3, 5, seed=1), normal(3, seed=2)
    out = layers.Dense(Dense(3, W_VARIANCE, B_VARIANCE), weight, bias)(x)
    for i, n in product(range(4), range(3)):
        expected = sqrt(W_VARIANCE / 5) * sum(weight[n] * x[i]) + sqrt(B_VARIANCE) * bias[n]
        torch.testing.assert_close(out[i, n], expected, rtol=0, atol=1e-13)


def test_global_pooling_is_the_mean_over_positions():
    x = normal(2, 3, 4, 5)
    expected = sum(x[:, :, i, j] for i, j in product(range(4), range(5))) / 20
    torch.testing.assert_close(layers.GlobalAveragePool()(x), expected, rtol=0, atol=1e-14)


CLOSED_FORMS = {
    "relu": lambda z: max(z, 0.0),
    "linear": lambda z: z,
    "erf": torch.special.erf,
    "gelu": lambda z: z * (1 + torch.special.erf(z / sqrt(2))) / 2,
    "sigmoid": lambda z: 1 / (1 + torch.exp(-z)),
    "tanh": lambda z: (torch.exp(2 * z) - 1) / (torch.exp(2 * z) + 1),
}


def test_there_is_a_function_for_every_activation_of_the_config():
    assert tuple(ACTIVATIONS) == config.ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_formula(name):
    z = normal(3, 7)
    out = layers.Activation(Activation(name))(z)
    for value, image in zip(z.flatten(), out.flatten(), strict=True):
        assert float(image) == pytest.approx(float(CLOSED_FORMS[name](value)), rel=1e-13, abs=1e-15)
