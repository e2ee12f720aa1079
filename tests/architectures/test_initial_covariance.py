"""Random networks against their infinite-width covariance, from the full four-index recursion.

The covariance of two images' outputs over random networks tends to the NNGP kernel (Novak et al. 2019). Here it
is computed the slow and obvious way, K[i, j, α, α'] for all pairs of images and of positions, and compared with
outputs of many networks: each seed gives an independent estimate, so the mean's standard error is known; what
remains of the finite width is of relative order 1/width. Wrong scales fail the same check.
"""

from dataclasses import replace
from functools import cache
from itertools import product
from math import pi, sqrt

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geomsym.architectures import build, specs
from marks import slow

SHAPE = (3, 4, 6)
W_VARIANCE, B_VARIANCE = 2.0, 0.8
WINDOW, DEPTH, NETWORKS, OUTPUTS = 2, 2, 120, 32
WIDTHS = {"fcn": 64, "lcn": 16, "vec": 48, "lap": 48, "gap": 48}
CASES = [
    (name, padding, activation)
    for name, padding, activation in product(WIDTHS, ["circular", "zero"], ["relu", "erf"])
    if (name, padding) != ("fcn", "zero")
]
everywhere = pytest.mark.parametrize(("name", "padding", "activation"), CASES)


def two_images() -> torch.Tensor:
    """Correlated, of different norms, with energy that varies over the image."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, *SHAPE, generator=generator, dtype=torch.float64)
    ramp = torch.linspace(0.5, 1.5, SHAPE[2], dtype=torch.float64)
    return torch.stack([x * ramp, 0.8 * x + 0.5 * y])


def relu_dual(k, p, q):
    c = np.clip(k / np.sqrt(p * q), -1, 1)
    return np.sqrt(p * q) / (2 * pi) * (np.sqrt(1 - c**2) + (pi - np.arccos(c)) * c)


def erf_dual(k, p, q):
    return 2 / pi * np.arcsin(2 * k / np.sqrt((1 + 2 * p) * (1 + 2 * q)))


DUALS = {"relu": relu_dual, "erf": erf_dual}


def convolved(K: NDArray, name: str, padding: str) -> NDArray:
    """σ_w² · mean over taps of K(α+β, α'+β) + σ_b², at α = α' only where filters aren't shared."""
    height, width = K.shape[2:4]
    out = np.zeros_like(K)
    positions = list(product(range(height), range(width)))
    taps = list(product((-1, 0, 1), repeat=2)) if name != "fcn" else [(0, 0)]
    for (i, j), (k, m) in product(positions, positions):
        if name == "lcn" and (i, j) != (k, m):
            continue
        for u, v in taps:
            rows, columns = np.array([i + u, k + u]), np.array([j + v, m + v])
            outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
            if padding == "circular" or not outside.any():
                (a, c), (b, d) = rows % height, columns % width
                out[:, :, i, j, k, m] += W_VARIANCE / len(taps) * K[:, :, a, b, c, d]
        out[:, :, i, j, k, m] += B_VARIANCE
    return out


def activated(K: NDArray, activation: str) -> NDArray:
    q = np.einsum("iiabab->iab", K)
    return DUALS[activation](K, q[:, None, :, :, None, None], q[None, :, None, None, :, :])


def pooled(K: NDArray, window: tuple[int, int]) -> NDArray:
    """Mean over the pairs of positions within a window, then over windows."""
    height, width = K.shape[2:4]
    corners = product(range(0, height, window[0]), range(0, width, window[1]))
    blocks = [(slice(i, i + window[0]), slice(j, j + window[1])) for i, j in corners]
    return np.mean([K[:, :, r, c, r, c].mean((2, 3, 4, 5)) for r, c in blocks], axis=0)


@cache
def nngp(name: str, padding: str, activation: str) -> NDArray:
    """The covariance [2, 2] of one output of the two images."""
    x = two_images().numpy()
    if name == "fcn":  # a fully connected network sees one position with c·h·w channels
        x = x.reshape(2, -1, 1, 1)
    K = np.einsum("icab,jcde->ijabde", x, x) / x.shape[1]
    for _ in range(DEPTH):
        K = activated(convolved(K, name, padding), activation)
    windows = {"lap": (WINDOW, WINDOW), "gap": x.shape[2:]}
    return W_VARIANCE * pooled(K, windows.get(name, (1, 1))) + B_VARIANCE


def layer_specs(name, padding, activation, width, **settings):
    return specs(
        name,
        OUTPUTS,
        width=width,
        depth=DEPTH,
        window=WINDOW,
        padding=padding,
        activation=activation,
        w_variance=W_VARIANCE,
        b_variance=B_VARIANCE,
        **settings,
    )


@torch.no_grad()
def estimates(layers, networks: int) -> NDArray:
    """The covariance over its outputs of each of many networks: [networks, 2, 2]."""
    x = two_images()
    outputs = [build(layers, SHAPE, seed, torch.float64)(x).numpy() for seed in range(networks)]
    return np.stack([f @ f.T / OUTPUTS for f in outputs])


def agrees(samples: NDArray, K: NDArray, width: int) -> bool:
    """Within four standard errors and what a finite width leaves."""
    error = samples.std(0, ddof=1) / sqrt(len(samples))
    return bool((np.abs(samples.mean(0) - K) < 4 * error + np.abs(K) / width).all())


@everywhere
def test_outputs_have_the_infinite_networks_covariance(name, padding, activation):
    layers = layer_specs(name, padding, activation, WIDTHS[name])
    assert agrees(estimates(layers, NETWORKS), nngp(name, padding, activation), WIDTHS[name])


@pytest.mark.parametrize("name", ["fcn", "gap", *slow(*(name for name in WIDTHS if name not in ("fcn", "gap")))])
@pytest.mark.parametrize("wrong", ["weight variance", "no fan-in", "no bias"])
def test_the_check_tells_networks_with_wrong_scales(name, wrong):
    layers, K = layer_specs(name, "circular", "relu", WIDTHS[name]), nngp(name, "circular", "relu")
    second = [i for i, spec in enumerate(layers) if hasattr(spec, "w_variance")][1]
    fan_in = WIDTHS[name] * (1 if name == "fcn" else 9)
    changes = {
        "weight variance": {"w_variance": 1.2},
        "no fan-in": {"w_variance": W_VARIANCE * fan_in},
        "no bias": {"b_variance": 0.0},
    }[wrong]
    changed = (*layers[:second], replace(layers[second], **changes), *layers[second + 1 :])
    assert not agrees(estimates(changed, NETWORKS), K, WIDTHS[name])


def test_the_check_tells_the_other_padding_and_the_other_readout():
    zero = estimates(layer_specs("vec", "zero", "relu", 48), NETWORKS)
    assert not agrees(zero, nngp("vec", "circular", "relu"), 48)
    gap = estimates(layer_specs("gap", "circular", "relu", 48), NETWORKS)
    assert not agrees(gap, nngp("vec", "circular", "relu"), 48)


def test_locally_connected_and_vectorised_networks_have_one_limit():
    for padding, activation in product(["circular", "zero"], DUALS):
        vec, lcn = (nngp(name, padding, activation) for name in ("vec", "lcn"))
        np.testing.assert_allclose(lcn, vec, rtol=1e-13)


@pytest.mark.parametrize("name", ["fcn", "vec", "gap"])
def test_the_deviation_decays_as_one_over_the_square_root_of_the_width(name):
    """Of the readout's conditional covariance σ_w²·⟨φ, φ'⟩/m + σ_b², which leaves the body's fluctuations alone."""
    K, widths, deviation = nngp(name, "circular", "erf"), [8, 16, 32, 64, 128], []
    for width in widths:
        layers = layer_specs(name, "circular", "erf", width)[:-1]
        samples = []
        for seed in range(40):
            phi = build(layers, SHAPE, seed, torch.float64)(two_images()).detach().numpy()
            samples.append(W_VARIANCE * phi @ phi.T / phi.shape[1] + B_VARIANCE)
        deviation.append(np.sqrt(np.mean((np.stack(samples) / K - 1) ** 2)))
    slope = np.polyfit(np.log(widths), np.log(deviation), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.12)


@pytest.mark.parametrize("name", WIDTHS)
def test_a_uniform_first_layer_keeps_the_variance_of_relu_networks(name):
    """E relu(z)² = q/2 for every symmetric law: exact for an image's own variance where positions don't mix."""
    layers = layer_specs(name, "circular", "relu", WIDTHS[name], first_layer_init="uniform")
    assert layers[1 if name == "fcn" else 0].init == "uniform"
    assert agrees(estimates(layers, NETWORKS), nngp(name, "circular", "relu"), WIDTHS[name])


@torch.no_grad()
def position_covariance(name: str) -> tuple[float, float]:
    """Mean product of second pre-activations at two neighbours of one image, and its standard error."""
    layers = layer_specs(name, "circular", "relu", 32)[:3]
    products = []
    for seed in range(60):
        z = build(layers, SHAPE, seed, torch.float64)(two_images()[:1])[0]
        products.append(float((z[:, 1, 1] * z[:, 1, 2]).mean()))
    return float(np.mean(products)), float(np.std(products, ddof=1) / sqrt(len(products)))


def test_unshared_filters_decorrelate_positions_and_shared_ones_do_not():
    value, error = position_covariance("lcn")
    assert abs(value) < 5 * error
    value, error = position_covariance("vec")
    assert value > 10 * error
