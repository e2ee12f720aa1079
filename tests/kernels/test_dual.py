"""Dual activations against two-dimensional quadrature of their definition, and at the ends of their range."""

from math import pi

import numpy as np
import pytest
import torch

from geomsym.architectures.activations import ACTIVATIONS
from geomsym.kernels.dual import DUALS, by_quadrature

CLOSED_FORMS = ["linear", "relu", "erf", "gelu"]
SMOOTH = ["linear", "erf", "gelu", "sigmoid", "tanh"]
COVARIANCES = [(0.3, 1.0, 2.0), (-0.7, 0.5, 1.5), (0.0, 1.0, 1.0), (0.95, 1.0, 1.0)]


def tensors(*values):
    return [torch.tensor(value, dtype=torch.float64) for value in values]


def expectation(function, K, q, q2, nodes=120):
    """E[function(u) function(v)] by Gauss-Hermite quadrature over a Cholesky factor; slow and obvious."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    L = np.linalg.cholesky([[q, K], [K, q2]])
    u, v = L[0, 0] * x[:, None], L[1, 0] * x[:, None] + L[1, 1] * x[None]
    values = function(torch.from_numpy(u)) * function(torch.from_numpy(v))
    return float((torch.from_numpy(np.outer(w, w) / (2 * pi)) * values).sum())


def test_every_activation_has_a_dual():
    assert set(DUALS) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_duals_are_expectations(name, covariance):
    F, slope = DUALS[name](*tensors(*covariance))
    derivative = torch.func.vmap(torch.func.vmap(torch.func.grad(lambda z: ACTIVATIONS[name](z))))
    assert float(F) == pytest.approx(expectation(ACTIVATIONS[name], *covariance), abs=1e-7)
    assert float(slope) == pytest.approx(expectation(lambda z: derivative(z.expand(120, 120)), *covariance), abs=1e-6)


@pytest.mark.parametrize("name", DUALS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_second_value_is_the_derivative_of_the_first(name, covariance):
    """Price's theorem, by central differences."""
    K, q, q2 = tensors(*covariance)
    h = 1e-5
    difference = (DUALS[name](K + h, q, q2)[0] - DUALS[name](K - h, q, q2)[0]) / (2 * h)
    tolerance = 1e-8 if name in CLOSED_FORMS else 3e-6
    assert float(DUALS[name](K, q, q2)[1]) == pytest.approx(float(difference), abs=tolerance)


def test_relu_against_sampling():
    """ReLU's kink defeats quadrature: a million samples, within four standard errors."""
    K, q, q2 = 0.4, 1.5, 0.8
    L = np.linalg.cholesky([[q, K], [K, q2]])
    u, v = np.maximum(L @ np.random.default_rng(0).standard_normal((2, 10**6)), 0)
    F, slope = DUALS["relu"](*tensors(K, q, q2))
    assert abs((u * v).mean() - float(F)) < 4 * (u * v).std() / 1e3
    both = (u > 0) & (v > 0)
    assert abs(both.mean() - float(slope)) < 4 * both.std() / 1e3


def test_relu_at_equal_and_opposite_inputs_is_exact():
    q = torch.rand(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 10
    F, slope = DUALS["relu"](q, q, q)
    assert torch.equal(slope, torch.full_like(q, 0.5)) and torch.allclose(F, q / 2, rtol=1e-15, atol=0)
    F, slope = DUALS["relu"](-q, q, q)
    assert F.abs().max() < 1e-15 and slope.abs().max() < 1e-15


def test_relu_keeps_its_digits_for_almost_equal_inputs():
    """For cos θ = 1 − ε, θ = √(2ε)(1 + ε/12 + …): arccos alone would lose half of them."""
    epsilon = torch.tensor(2.0**-40, dtype=torch.float64)
    slope = DUALS["relu"](1 - epsilon, *tensors(1.0, 1.0))[1]
    assert float(0.5 - slope) * 2 * pi == pytest.approx(float((2 * epsilon).sqrt()), rel=1e-9)


def test_zero_variance_is_no_division_by_zero():
    zero, one = tensors(0.0, 1.0)
    for name in DUALS:
        assert all(value.isfinite() for value in DUALS[name](zero, zero, one))


def test_quadrature_reproduces_a_closed_form():
    dual = by_quadrature(torch.erf, lambda z: 2 / pi**0.5 * torch.exp(-(z**2)))
    for covariance in COVARIANCES:
        for numeric, exact in zip(dual(*tensors(*covariance)), DUALS["erf"](*tensors(*covariance)), strict=True):
            assert float(numeric) == pytest.approx(float(exact), abs=1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("q", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("correlation", [-0.9, 0.3, 1.0])
def test_quadrature_holds_where_poles_come_near(name, q, correlation):
    """Against four times as many nodes; those of Gauss and Hermite were wrong by 4e-4 for tanh at q = 5."""
    phi, slope = {
        "sigmoid": (torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z)),
        "tanh": (torch.tanh, lambda z: 1 - torch.tanh(z) ** 2),
    }[name]
    a = torch.linspace(-9, 9, 400, dtype=torch.float64)
    weight = torch.exp(-(a**2) / 2) * (a[1] - a[0]) / (2 * pi) ** 0.5
    u, v = q**0.5 * a[:, None], q**0.5 * (correlation * a[:, None] + (1 - correlation**2) ** 0.5 * a)
    expected = [(weight[:, None] * weight * f(u) * f(v)).sum() for f in (phi, slope)]
    variance = torch.tensor(q, dtype=torch.float64)
    for ours, theirs in zip(DUALS[name](correlation * variance, variance, variance), expected, strict=True):
        assert abs(ours - theirs) < 3e-9 * abs(theirs)
