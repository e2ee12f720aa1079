"""Dual activations against two-dimensional quadrature of their definition, and at the ends of their range."""

from functools import partial
from itertools import product
from math import asin, pi

import mpmath
import numpy as np
import pytest
import torch

from geomsym.architectures.activations import ACTIVATIONS
from geomsym.kernels.dual import DUALS, MOMENTS, integrated_moments, monomial_moments
from geomsym.kernels.logistic_mixture import density, gauss_rule

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
    assert float(DUALS[name](K, q, q2)[1]) == pytest.approx(float(difference), abs=1e-8)


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
        for variances in ((zero, one), (one, zero), (zero, zero)):
            F, slope = DUALS[name](zero, *variances)
            assert float(F) == pytest.approx(0.25 if name == "sigmoid" else 0, abs=1e-13) and slope > 0


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("q", [1e-6, 0.5, 2.0, 5.0, 20.0])
@pytest.mark.parametrize("correlation", [-1.0, -0.9, 0.3, 1.0])
def test_mixtures_of_error_functions_are_expectations(name, q, correlation):
    """Against the trapezoidal rule, which converges geometrically: 1200 × 1200 nodes, to 9 standard deviations."""
    phi, slope = {
        "sigmoid": (torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z)),
        "tanh": (torch.tanh, lambda z: 1 / torch.cosh(z) ** 2),
    }[name]
    a = torch.linspace(-9, 9, 1200, dtype=torch.float64)
    weight = torch.exp(-(a**2) / 2) * (a[1] - a[0]) / (2 * pi) ** 0.5
    u, v = q**0.5 * a[:, None], q**0.5 * (correlation * a[:, None] + (1 - correlation**2) ** 0.5 * a)
    expected = [(weight[:, None] * weight * f(u) * f(v)).sum() for f in (phi, slope)]
    variance = torch.tensor(q, dtype=torch.float64)
    for ours, theirs in zip(DUALS[name](correlation * variance, variance, variance), expected, strict=True):
        assert abs(ours - theirs) < 1e-10 * abs(theirs)


def test_the_mixture_is_kolmogorovs():
    """Its rule integrates powers of log κ as the density does, and too few terms would show."""
    kappa = np.linspace(0.1, 5, 20001)
    p = density(kappa) * (kappa[1] - kappa[0])
    assert p.sum() == pytest.approx(1, abs=1e-12)
    for nodes in (3, 10):
        scales, weights = (np.array(values) for values in gauss_rule(nodes))
        errors = [abs(weights @ np.log(scales) ** k - p @ np.log(kappa) ** k) for k in range(2 * nodes)]
        assert max(errors) < 1e-9
    z = torch.linspace(0.1, 4, 50, dtype=torch.float64)
    for nodes, low, high in ((3, 1e-4, 1e-2), (10, 0, 1e-7)):
        terms = zip(*gauss_rule(nodes), strict=True)
        mixture = torch.stack([weight * torch.erf(z / (2**0.5 * scale)) for scale, weight in terms]).sum(0)
        assert low <= (mixture / z.tanh() - 1).abs().max() < high


SCALES = [10.0**e for e in (-30, -20, -8, -4, -1, 0, 1, 4, 8, 12, 20, 30)]
CORRELATIONS = [1, 0.999999, 0.9, 0.5, 1e-8, 0, -1e-8, -0.5, -0.9, -0.999999, -1]


def closed_form(name, K, q, q2):
    """F and F' as in the books, in 200 digits, where it does not matter that they cancel."""
    root, one = mpmath.sqrt(q * q2), mpmath.mpf(1)
    if name == "linear":
        return K, one
    if name == "relu":
        angle = mpmath.acos(K / root)
        F = root / (2 * mpmath.pi) * (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle))
        return F, (mpmath.pi - angle) / (2 * mpmath.pi)
    if name == "erf":
        S2 = (1 + 2 * q) * (1 + 2 * q2)
        return 2 / mpmath.pi * mpmath.asin(2 * K / mpmath.sqrt(S2)), 4 / mpmath.pi / mpmath.sqrt(S2 - 4 * K**2)
    S2, bend = (1 + q) * (1 + q2), 1 / (1 + q) + 1 / (1 + q2) - 1
    D, R = S2 - K**2, q * q2 + K**2 * bend
    P, G = 1 / (2 * mpmath.pi * mpmath.sqrt(D)), one / 4 + mpmath.asin(K / mpmath.sqrt(S2)) / (2 * mpmath.pi)
    return K * G + P * R, G + K * P + P * (2 * K * bend + K * R / D)


@pytest.mark.parametrize("name", ["linear", "relu", "erf", "gelu"])
def test_closed_forms_keep_their_digits_at_every_scale(name):
    """Variances from 1e-30 to 1e30, also of different size, and all angles: relative errors of F and F'."""
    with mpmath.workdps(200):
        for q, q2, correlation in product(SCALES, SCALES, CORRELATIONS):
            variance, variance2 = tensors(q, q2)
            K = correlation * (variance.sqrt() * variance2.sqrt() if q != q2 else variance)
            parallel = abs(correlation) == 1  # K as rounded has an angle of its own
            exact = correlation * mpmath.sqrt(mpmath.mpf(q) * q2) if parallel else mpmath.mpf(float(K))
            expected = closed_form(name, exact, mpmath.mpf(q), mpmath.mpf(q2))
            for ours, theirs in zip(DUALS[name](K, variance, variance2), expected, strict=True):
                assert abs(float(ours) - theirs) <= 1e-5 * abs(theirs) + 1e-80 * exact**2, (q, q2, correlation)


@pytest.mark.parametrize("q", [1e6, 1e10, 1e20, 1e30])
def test_tanh_of_large_variances_is_a_step(q):
    """The arcsine law, and sech² and sech⁴ under a flat density, 1/√(2πq), between parallel inputs."""
    variance, other = tensors(q, 2 * q)
    F, slope = DUALS["tanh"](0.5 * variance, variance, other)
    assert float(F) == pytest.approx(2 / pi * asin(0.5 / 2**0.5), rel=2 / q)
    assert float(slope) == pytest.approx(2 / pi / (2 - 0.25) ** 0.5 / q, rel=2 / q)
    for sign in (1, -1):
        F, slope = DUALS["tanh"](sign * variance, variance, variance)
        assert float(slope) == pytest.approx(4 / 3 / (2 * pi * q) ** 0.5, rel=1e-10 + 2 / q)
        assert float(F) == pytest.approx(sign * (1 - 2 / (2 * pi * q) ** 0.5), rel=2 / q)


@pytest.mark.parametrize("q", [1e-8, 1e-16, 1e-30])
@pytest.mark.parametrize(("name", "gain", "offset"), [("tanh", 1, 0), ("sigmoid", 1 / 16, 1 / 4), ("erf", 4 / pi, 0)])
def test_small_variances_leave_the_slope_at_the_origin(name, gain, offset, q):
    """F = φ(0)² + φ'(0)²·K."""
    variance, K = tensors(q, -0.3 * q)
    F, slope = DUALS[name](K, variance, variance)
    assert float(F) == pytest.approx(offset + gain * float(K), rel=4 * q + 1e-12)
    assert float(slope) == pytest.approx(gain, rel=4 * q + 1e-12)


@pytest.mark.parametrize("name", DUALS)
@pytest.mark.parametrize("scale", SCALES)
def test_single_precision_has_the_values_of_double(name, scale):
    """Inputs in float32, and the same numbers in float64; only results are rounded."""
    q = scale * torch.tensor([[0.3], [1.0], [7.0]])
    q2, correlation = scale * torch.tensor([0.5, 1.0, 3.0]), torch.tensor([0.9, -0.7, 0.0])
    K = correlation * q.sqrt() * q2.sqrt()
    for single, double in zip(DUALS[name](K, q, q2), DUALS[name](K.double(), q.double(), q2.double()), strict=True):
        assert single.dtype == torch.float32 and torch.isfinite(single).all()
        torch.testing.assert_close(single.double(), double, rtol=1e-6, atol=torch.finfo(torch.float32).tiny)


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_are_the_duals_of_equal_arguments(name):
    s = torch.tensor([0.1, 1.0, 25.0], dtype=torch.float64)
    moments = MOMENTS[name].value(s), MOMENTS[name].slope(s)
    for found, dual in zip(moments, DUALS[name](s, s, s), strict=True):
        torch.testing.assert_close(found, dual, rtol=1e-11, atol=0)


def derivatives(function, s, orders=3):
    """A function and its derivatives at s, by forward mode upon forward mode."""
    for _ in range(orders + 1):
        yield function(s)
        function = partial(lambda f, s: torch.func.jvp(f, (s,), (torch.ones_like(s),))[1], function)


@pytest.mark.parametrize("name", SMOOTH)
def test_moments_are_integrals_of_one_variable_with_three_derivatives(name):
    """As many as curvature takes; erf and gelu from their duals at equal inputs, where Δ = 0."""
    s, integrated = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64), integrated_moments(ACTIVATIONS[name])
    for part in ("value", "slope"):
        pairs = (derivatives(getattr(moments, part), s) for moments in (MOMENTS[name], integrated))
        for found, expected in zip(*pairs, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", ["linear", "erf", "gelu"])
def test_moments_of_smooth_duals_can_be_differentiated_at_zero_variance(name):
    zero, tiny = tensors(0.0, 1e-12)
    for part in ("value", "slope"):
        at_zero, beside = (list(derivatives(getattr(MOMENTS[name], part), s)) for s in (zero, tiny))
        torch.testing.assert_close(torch.stack(at_zero), torch.stack(beside), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("q", [1, 2, 3])
def test_moments_of_powers_of_relu_against_quadrature(q):
    z, weights = np.polynomial.hermite_e.hermegauss(100)
    for s in (0.4, 2.0):
        u = s**0.5 * z
        expected = [(weights * f).sum() / (2 * pi) ** 0.5 / 2 for f in (u ** (2 * q), (q * u ** (q - 1)) ** 2)]
        found = monomial_moments(q)
        s = torch.tensor(s, dtype=torch.float64)
        assert [float(found.value(s)), float(found.slope(s))] == pytest.approx(expected, rel=1e-10)


def test_integration_is_exact_near_the_poles_of_tanh():
    """E[sech⁴(√s ξ)] at s = 25, where singularities are at distance 0.3, against ten times as many points."""
    s = torch.tensor(25.0, dtype=torch.float64)
    xi = torch.linspace(-12, 12, 400001, dtype=torch.float64)
    dense = ((5 * xi).cosh() ** -4 * (-xi.square() / 2).exp()).sum() * (xi[1] - xi[0]) / (2 * pi) ** 0.5
    assert float(MOMENTS["tanh"].slope(s)) == pytest.approx(float(dense), rel=1e-13)
