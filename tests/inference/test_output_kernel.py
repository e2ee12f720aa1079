"""The averaged kernel of one output against explicit Jacobians, in closed form, and towards infinite width."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Dense, Flatten
from geomsym.inference import output_kernel
from geomsym.inference.output_kernel import mean_output_kernel
from geomsym.kernels import kernel_matrices

SHAPE, OUTPUTS = (3, 4, 4), 3
STACK = ["conv:4:1", "tanh", "pool:2", "local:5", "erf", "conv", "relu", "global_pool", "dense:7", "gelu"]


def images(count: int) -> torch.Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def layers(name: str, width: int = 6, **settings):
    own = {"layers": STACK} if name == "stack" else {"depth": 2, "window": 2}
    return specs(name, OUTPUTS, **({"width": width, "activation": "erf"} | own | settings))


def explicit(model, x: torch.Tensor) -> torch.Tensor:
    """Θ̄ [N, N]: the mean over outputs k of J_k J_kᵀ."""
    theta = {name: value.detach() for name, value in model.named_parameters()}
    jacobians = jacrev(lambda values: functional_call(model, values, (x,)))(theta)
    J = torch.cat([block.flatten(2) for block in jacobians.values()], dim=2)
    return torch.einsum("ikp,jkp->ij", J, J) / J.shape[1]


@pytest.mark.parametrize("memory", [1, 2000, 2**25])
@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize("name", ["fcn", "lcn", "vec", "lap", "gap", "stack"])
def test_it_is_the_mean_of_the_outputs_kernels_in_blocks_of_any_size(name, padding, memory, monkeypatch):
    monkeypatch.setattr(output_kernel, "MEMORY", memory)
    model, x = build(layers(name, padding=padding, kernel_size=3), SHAPE, 0, torch.float64), images(5)
    expected = explicit(model, x)
    torch.testing.assert_close(mean_output_kernel(model, x), expected, rtol=0, atol=1e-12)
    assert expected.diagonal().min() > 0.02


def test_filters_larger_than_three_pixels():
    model, x = build(layers("vec", kernel_size=5), (3, 6, 6), 0, torch.float64), torch.ones(2, 3, 6, 6).double()
    torch.testing.assert_close(mean_output_kernel(model, x), explicit(model, x), rtol=0, atol=1e-12)


def test_a_model_linear_in_its_parameters_has_its_kernel_in_closed_form():
    """f = σ_w/√m·Wx + σ_b·b has Θ̄ = σ_w²/m·X Xᵀ + σ_b², whatever its weights and however many outputs."""
    x = images(8)
    X = x.flatten(1)
    for outputs in (1, 2, 10):
        model = build((Flatten(), Dense(outputs, 2.0, 0.3)), SHAPE, 0, torch.float64)
        torch.testing.assert_close(mean_output_kernel(model, x), 2 / 48 * X @ X.mT + 0.3, rtol=0, atol=1e-13)


def test_single_precision_is_close_to_double():
    model, x = build(layers("gap", width=16), SHAPE, 0, torch.float64), images(20)
    double = mean_output_kernel(model, x)
    single = mean_output_kernel(model.float(), x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5 * double.max().item())


@pytest.mark.parametrize("name", ["fcn", "lcn", "vec", "gap"])
def test_wide_networks_approach_the_infinite_tangent_kernels_largest_eigenvalue(name):
    """Deviations fall at least as width^(−1/2), to a quarter with 16 times the width; over six draws."""
    x = images(8)
    infinite = np.linalg.eigvalsh(kernel_matrices(layers(name), x).ntk.numpy())[-1]
    deviations = []
    for width in (4, 64):
        draws = [mean_output_kernel(build(layers(name, width=width), SHAPE, k, torch.float64), x) for k in range(6)]
        found = np.array([np.linalg.eigvalsh(Theta.numpy())[-1] for Theta in draws])
        deviations.append(float(np.sqrt(np.mean((found / infinite - 1) ** 2))))
    assert deviations[1] < 0.2 and deviations[1] < 0.4 * deviations[0]


def test_the_network_and_its_gradients_are_left_alone():
    model, x = build(layers("vec"), SHAPE, 0, torch.float64), images(4)
    before = [value.clone() for value in model.parameters()]
    mean_output_kernel(model, x)
    for value, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(value, old) and value.grad is None and value.requires_grad
    assert not any(module._forward_hooks for module in model.modules())


def test_every_block_of_outputs_is_reported(monkeypatch):
    monkeypatch.setattr(output_kernel, "MEMORY", 1)
    reports = []
    mean_output_kernel(build(layers("fcn"), SHAPE), images(2).float(), lambda *report: reports.append(report))
    assert reports == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_layers_that_are_not_registered_are_refused_by_name():
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    with pytest.raises(TypeError, match="no tangent kernel is registered for layers of type Linear"):
        mean_output_kernel(model, images(2).float())
