"""Infinitely wide networks: closed forms, kernels differentiated, and the limit of wide random networks."""

from math import log, pi

import numpy as np
import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.errors import ConfigError
from geomsym.geometry import (
    InfiniteNetwork,
    feature_map,
    infinite_network,
    kernel_curvature,
    kernel_metric,
    metric,
    scalar_curvature,
)
from geomsym.geometry.infinite import determinant_ratio
from geomsym.kernels.dual import MOMENTS, integrated_moments, monomial_moments
from marks import slow

SIGMA2, ZETA2 = 1.7, 0.3


def points(count: int, dimension: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def double_factorial(k: int) -> int:
    return k * double_factorial(k - 2) if k > 1 else 1


def infinite(moments, dimension: int, depth: int = 1, b_variance: float = ZETA2) -> InfiniteNetwork:
    """With weights of the first layer of variance SIGMA2."""
    return InfiniteNetwork(moments, depth, SIGMA2 * dimension, b_variance)


def erf_dual(K, q, q2):
    """Williams (1997), as it stands there, which can be differentiated automatically."""
    return 2 / pi * torch.asin(2 * K / ((1 + 2 * q) * (1 + 2 * q2)).sqrt())


def gelu_dual(K, q, q2):
    """Tsuchida et al. (2021), likewise."""
    S2 = (1 + q) * (1 + q2)
    D = S2 - K**2
    R = q * q2 + K**2 * (1 / (1 + q) + 1 / (1 + q2) - 1)
    return K * (0.25 + torch.asin(K / S2.sqrt()) / (2 * pi)) + R / (2 * pi * D.sqrt())


TEXTBOOK = {"erf": erf_dual, "gelu": gelu_dual}


def nngp(activation: str, depth: int, w_variance: float, b_variance: float):
    """(x, x') -> the mean product of features of the last hidden layer, by the recursion of covariances."""

    def kernel(x, y):
        K, q, q2 = (a @ b / len(x) for a, b in ((x, y), (x, x), (y, y)))
        for _ in range(depth):
            K, q, q2 = (w_variance * value + b_variance for value in (K, q, q2))
            K, q, q2 = (TEXTBOOK[activation](*arguments) for arguments in ((K, q, q2), (q, q, q), (q2, q2, q2)))
        return K

    return kernel


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_error_function_in_closed_form(dimension):
    """φ = erf(z/√2), u = 1 + 2s (Zavatone-Veth et al. 2023, in the standard convention)."""
    x, network = points(4, dimension), infinite(MOMENTS["erf"].scaled(0.5**0.5), dimension)
    t = x.square().sum(1)
    u = 1 + 2 * (SIGMA2 * t + ZETA2)
    log_volume = dimension / 2 * log(2 * SIGMA2 / pi) + log(1 + 2 * ZETA2) / 2 - (dimension + 2) / 4 * u.log()
    R = -(pi / 2) * (dimension - 1) * (dimension + 2) * SIGMA2 * t / ((1 + 2 * ZETA2) * u.sqrt())
    torch.testing.assert_close(network.log_volume(x), log_volume)
    torch.testing.assert_close(network.scalar_curvature(x), R)
    torch.testing.assert_close(network.scalar_curvature(x, convention="paper"), 3 * R)


@pytest.mark.parametrize("q", [1, 2, 3, 4])
@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_powers_of_relu_without_biases_in_closed_form(q, dimension):
    x, network = points(4, dimension), infinite(monomial_moments(q), dimension, b_variance=0.0)
    t = x.square().sum(1)
    conformal = SIGMA2 * q**2 * double_factorial(2 * q - 3) / 2 * (SIGMA2 * t) ** (q - 1)
    R = -(dimension - 1) * (dimension - 2) * (q - 1) ** 2 / ((2 * q - 1) * t * conformal)
    torch.testing.assert_close(network.scalar_curvature(x), R, rtol=1e-9, atol=1e-12)
    radial = conformal * (1 + 2 * (q - 1))
    torch.testing.assert_close(network.log_volume(x), ((dimension - 1) * conformal.log() + radial.log()) / 2)


def test_integration_reproduces_a_closed_form_with_its_curvature():
    x = points(5, 3, 2) * torch.tensor([[0.1], [1.0], [3.0], [10.0], [30.0]])
    numeric, exact = infinite(integrated_moments(torch.erf), 3), infinite(MOMENTS["erf"], 3)
    for name in ("metric", "log_volume", "scalar_curvature"):
        torch.testing.assert_close(getattr(numeric, name)(x), getattr(exact, name)(x), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("activation", ["erf", "gelu"])
@pytest.mark.parametrize("depth", [1, 2, *slow(4)])
@pytest.mark.parametrize("dimension", [1, 2, *slow(3)])
def test_the_recursion_is_the_kernel_differentiated(activation, depth, dimension):
    x, network = points(3, dimension), infinite_network(activation, depth, 1.6, 0.2)
    kernel = nngp(activation, depth, 1.6, 0.2)
    g = kernel_metric(kernel, x)
    torch.testing.assert_close(network.metric(x), g, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(network.log_volume(x), torch.linalg.slogdet(g).logabsdet / 2, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(network.scalar_curvature(x), kernel_curvature(kernel, x), rtol=1e-6, atol=1e-8)


def test_a_kernel_of_finite_features_has_their_geometry():
    phi, x = (
        feature_map(build(specs("fcn", width=9, depth=2, activation="tanh"), (1, 1, 3), 0), (1, 1, 3)),
        points(4, 3),
    )

    def kernel(y, z):
        return phi(y) @ phi(z) / 9

    torch.testing.assert_close(kernel_metric(kernel, x), metric(phi, x))
    torch.testing.assert_close(kernel_curvature(kernel, x), scalar_curvature(phi, x), rtol=1e-7, atol=1e-7)


def test_the_gaussian_kernel_is_flat():
    x = points(3, 4)
    assert kernel_curvature(lambda y, z: torch.exp(-(y - z).square().sum() / 2), x).abs().max() < 1e-12
    unit = torch.eye(4, dtype=torch.float64).expand(3, -1, -1)
    torch.testing.assert_close(kernel_metric(lambda y, z: torch.exp(-(y - z).square().sum() / 2), x), unit)


def test_the_origin_is_a_point_like_any_other():
    x = torch.cat([torch.zeros(1, 3, dtype=torch.float64), torch.full((1, 3), 1e-5, dtype=torch.float64)])
    network = infinite_network("gelu", 2, 1.6, 0.2)
    for values in (network.metric(x), network.log_volume(x), network.scalar_curvature(x)):
        torch.testing.assert_close(values[0], values[1], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("activation", "depth"), [("erf", 1), ("tanh", 1), ("relu", 1), ("gelu", 2), ("relu", 3)])
def test_wide_networks_converge_to_the_limit_as_the_root_of_the_width(activation, depth):
    x, widths, deviations = points(2, 3), [32, 128, 512], []
    limit = infinite_network(activation, depth).metric(x)
    for width in widths:
        layers = specs("fcn", 1, width=width, depth=depth, activation=activation)
        gs = [metric(feature_map(build(layers, (1, 1, 3), seed), (1, 1, 3)), x) for seed in range(40)]
        deviations.append(float((torch.stack(gs) - limit).square().mean().sqrt()))
    assert np.polyfit(np.log(widths), np.log(deviations), 1)[0] == pytest.approx(-0.5, abs=0.1)
    assert deviations[-1] < 0.25 * float(limit.square().mean().sqrt())


@pytest.mark.parametrize(("width", "dimension"), [(5, 2), (4, 3)])
def test_moments_of_finite_width(width, dimension):
    """E[g_n] = g_∞ and E[det g_n] = n!/((n−d)! n^d) det g_∞, 40,000 networks as one wide one; det g_∞ itself is off."""
    count, x = 40_000, points(1, dimension)
    wide = feature_map(
        build(specs("fcn", width=count * width, depth=1, activation="erf"), (1, 1, dimension), 0), (1, 1, dimension)
    )
    J = (wide.slope(wide.preactivation(x[0]))[:, None] * wide.weight).reshape(count, width, dimension)
    g, limit = J.mT @ J / width, infinite_network("erf").metric(x)[0]
    assert ((g.mean(0) - limit).abs() < 4 * g.std(0) / count**0.5).all()
    determinants, error = torch.linalg.det(g), torch.linalg.det(g).std() / count**0.5
    expected = determinant_ratio(width, dimension) * torch.linalg.det(limit)
    assert (determinants.mean() - expected).abs() < 4 * error
    assert (determinants.mean() - torch.linalg.det(limit)).abs() > 8 * error


def test_the_ratio_of_determinants():
    assert determinant_ratio(10, 2) == pytest.approx(1 - 1 / 10)
    assert determinant_ratio(3, 3) == pytest.approx(6 / 27)
    assert determinant_ratio(2, 3) == 0


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ConfigError, match=r"architecture\.activation=gel: .*did you mean 'gelu'"):
        infinite_network("gel")
    with pytest.raises(ConfigError, match=r"architecture\.depth=0"):
        infinite_network("erf", 0)
    with pytest.raises(ConfigError, match=r"geometry\.convention=paper: is for one hidden layer only"):
        infinite_network("erf", 2).scalar_curvature(points(1, 2), convention="paper")
