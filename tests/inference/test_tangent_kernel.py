"""The tangent kernel's products and largest eigenvalue against the explicit Jacobian."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, jacrev

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Dense, Flatten
from geomsym.inference.tangent_kernel import lanczos, largest_tangent_eigenvalue, tangent_kernel_operator

SHAPE = (3, 4, 4)


def images(count: int) -> torch.Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def network(name: str, outputs: int = 3, width: int = 6, depth: int = 2, seed: int = 0):
    layers = specs(name, outputs, width=width, depth=depth, window=2, activation="erf")
    return build(layers, SHAPE, seed, torch.float64)


def explicit(model, x: torch.Tensor) -> torch.Tensor:
    """Θ [N·K, N·K], rows in the order (example, output)."""
    theta = {name: value.detach() for name, value in model.named_parameters()}
    jacobians = jacrev(lambda values: functional_call(model, values, (x,)))(theta)
    J = torch.cat([block.flatten(2) for block in jacobians.values()], dim=2).flatten(0, 1)
    return J @ J.mT


@pytest.mark.parametrize("name", ["fcn", "lcn", "vec", "lap", "gap"])
@pytest.mark.parametrize("chunk_size", [2, 5, 64])
def test_the_operator_is_the_explicit_kernel(name, chunk_size):
    model, x = network(name), images(5)
    Theta, operator = explicit(model, x), tangent_kernel_operator(model, x, chunk_size)
    units = torch.eye(15, dtype=torch.float64).reshape(15, 5, 3)
    found = torch.stack([operator(unit).flatten() for unit in units])
    torch.testing.assert_close(found, Theta, rtol=0, atol=1e-12)
    assert Theta.diagonal().min() > 0.05


@pytest.mark.parametrize("name", ["fcn", "lcn", "vec", "lap", "gap"])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-6])
def test_the_largest_eigenvalue_is_the_explicit_kernels_over_n(name, tolerance):
    model, x = network(name), images(9)
    expected = float(torch.linalg.eigvalsh(explicit(model, x))[-1]) / 9
    assert largest_tangent_eigenvalue([model], x, tolerance) == pytest.approx(expected, rel=tolerance)


def test_the_eigenvalue_of_a_linear_model_is_in_closed_form_and_the_same_for_any_number_of_outputs():
    """f = σ_w/√m·Wx + σ_b·b has Θ = (σ_w²/m·X Xᵀ + σ_b²)⊗I, whatever the weights are."""
    x = images(8)
    X = x.flatten(1)
    expected = float(torch.linalg.eigvalsh(2 / 48 * X @ X.mT + 0.3)[-1]) / 8
    for outputs in (1, 2, 10):
        model = build((Flatten(), Dense(outputs, 2.0, 0.3)), SHAPE, 0, torch.float64)
        assert largest_tangent_eigenvalue([model], x, 1e-8) == pytest.approx(expected, rel=1e-8)


def test_wide_networks_have_one_outputs_kernel_times_the_identity():
    """Blocks between outputs fall as width^(−1/2), and λmax tends to the one of a single output."""
    x, widths, deviations = images(5), [16, 64, 256, 512], []
    for width in widths:
        blocks, gaps = [], []
        for seed in range(6):
            Theta = explicit(network("fcn", 3, width, 2, seed), x).reshape(5, 3, 5, 3)
            one = explicit(network("fcn", 1, width, 2, seed), x)
            between = torch.stack([Theta[:, i, :, j] for i in range(3) for j in range(i)])
            blocks.append(float(between.square().mean()) / float(one.square().mean()))
            gaps.append(float(torch.linalg.eigvalsh(Theta.reshape(15, 15))[-1] / torch.linalg.eigvalsh(one)[-1]))
        deviations.append(np.mean(blocks) ** 0.5)
    assert np.polyfit(np.log(widths), np.log(deviations), 1)[0] == pytest.approx(-0.5, abs=0.1)
    assert np.mean(gaps) == pytest.approx(1, abs=0.1)


def test_float32_is_enough():
    model, x = network("gap", width=16), images(20)
    double = largest_tangent_eigenvalue([model], x, 1e-3)
    assert largest_tangent_eigenvalue([model.float()], x.float(), 1e-3) == pytest.approx(double, rel=1e-3)


def test_several_draws_give_the_largest_eigenvalue_of_their_mean_kernel():
    x, draws = images(6), [network("vec", seed=seed) for seed in range(3)]
    mean = sum(explicit(model, x) for model in draws) / 3
    expected = float(torch.linalg.eigvalsh(mean)[-1]) / 6
    assert largest_tangent_eigenvalue(draws, x, 1e-8) == pytest.approx(expected, rel=1e-8)


def test_training_state_is_left_alone():
    model, x = network("vec"), images(4)
    before = [p.clone() for p in model.parameters()]
    largest_tangent_eigenvalue([model], x)
    assert all(torch.equal(p, q) and p.grad is None for p, q in zip(model.parameters(), before, strict=True))


def diagonal(spectrum: torch.Tensor):
    return lambda u: spectrum.reshape(u.shape) * u


def start(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6, 1e-10])
def test_lanczos_finds_the_top_of_a_known_spectrum(tolerance):
    spectrum = torch.linspace(0, 1, 300, dtype=torch.float64).square() * 7
    found = lanczos(diagonal(spectrum), start(100, 3), tolerance)
    assert found == pytest.approx(7, rel=tolerance)
    assert found <= 7 * (1 + 1e-14)


@settings(deadline=None, max_examples=50)
@given(size=st.integers(1, 12), rank=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_lanczos_on_random_covariances_of_any_rank(size, rank, seed):
    A = torch.randn(size, rank, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    matrix = A @ A.mT
    found = lanczos(lambda u: matrix @ u, start(size), 1e-9)
    assert found == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=1e-8)


def test_lanczos_on_operators_that_exhaust_the_space_early():
    v = start(30, 2)
    assert lanczos(lambda u: (u * v).sum() * v, start(30, 2).flip(0), 1e-12) == pytest.approx(float(v.norm() ** 2))
    assert lanczos(lambda u: 3.0 * u, start(30, 2), 1e-12) == pytest.approx(3, rel=1e-14)
    assert lanczos(lambda u: 5.0 * u, start(1), 0.0) == pytest.approx(5, rel=1e-14)


def test_a_zero_operator_has_eigenvalue_zero():
    assert lanczos(torch.zeros_like, start(6, 2), 1e-2) == 0.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(bad):
    def operator(u):
        return torch.cat([u[:-1], u[-1:] * bad])

    with pytest.raises(ArithmeticError, match="aren't finite"):
        lanczos(operator, start(6), 1e-2)


def test_too_few_iterations_are_refused_with_the_residual():
    spectrum = torch.linspace(0, 1, 300, dtype=torch.float64)
    with pytest.raises(ArithmeticError, match=r"residual \d\.\de-\d\d of the eigenvalue after 4 products"):
        lanczos(diagonal(spectrum), start(300), 1e-8, max_iterations=4)
