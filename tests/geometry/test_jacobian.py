"""Jacobians against closed forms and torch's own, whatever the memory budget."""

import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.errors import ConfigError, DataError
from geomsym.geometry import feature_map, jacobian
from geomsym.geometry.jacobian import jacobian_blocks, measured_cost, second_derivatives
from marks import slow

SHAPE = (1, 4, 4)
FAMILIES = ["fcn", "lcn", "vec", "lap", "gap"]


def points(count: int, dimension: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network_map(name: str, width: int, activation: str = "gelu"):
    layers = specs(name, 3, width=width, depth=2, window=2, activation=activation)
    return feature_map(build(layers, SHAPE, 0), SHAPE)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("width", [3, 20])
@pytest.mark.parametrize("memory", [3e4, 1e9, *slow(1.0, 3e5)])
def test_every_architecture_and_budget_gives_torchs_jacobian(name, width, memory):
    """Widths on both sides of d = 16 reach both modes; the smallest budget is one vector at a time."""
    phi, x = network_map(name, width), points(5, 16)
    expected = torch.stack([torch.autograd.functional.jacobian(phi, point) for point in x])
    assert expected.abs().max() > 0.05
    torch.testing.assert_close(jacobian(phi, x, memory), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("features", [3, 6, 40])
def test_a_linear_map_has_its_matrix(features):
    A = points(features, 6)
    J = jacobian(lambda x: A @ x, points(4, 6))
    torch.testing.assert_close(J, A.expand(4, -1, -1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("memory", [1.0, 1e4, 1e9])
def test_blocks_follow_the_points_and_the_budget(memory):
    phi, x = network_map("fcn", 20), points(9, 16)
    blocks = list(jacobian_blocks(phi, x, memory))
    assert sum(map(len, blocks)) == 9
    assert len(blocks) == (9 if memory < 1e5 else 1)


def test_the_widest_layer_is_found_behind_any_function_and_weights_do_not_count():
    W = torch.ones(50, 4, dtype=torch.float64)

    def phi(x):
        return (W.repeat(9, 1) @ x).reshape(9, 50).sum(0)[:7]

    cost = measured_cost(phi, torch.ones(4, dtype=torch.float64))
    assert (cost.inputs, cost.features, cost.widest) == (4, 7, 450)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("activation", ["relu", "gelu", "erf", "sigmoid", "tanh"])
def test_second_derivatives_are_those_of_the_jacobian(name, activation):
    """Along pairs of vectors, against central differences of J."""
    phi, x, h = network_map(name, 4, activation), points(2, 16), 1e-5
    u, v = points(6, 16, 2).reshape(3, 2, 16), points(6, 16, 3).reshape(3, 2, 16)
    slopes = [(jacobian(phi, x + h * along) - jacobian(phi, x - h * along)) / (2 * h) for along in u]
    expected = torch.einsum("kpna,kpa->kpn", torch.stack(slopes), v)
    assert (expected.abs().max() > 1e-2) == (activation != "relu")
    torch.testing.assert_close(second_derivatives(phi, x, u, v), expected, rtol=1e-7, atol=1e-7)


def test_results_are_constants_and_the_map_is_left_alone():
    layer = torch.nn.Linear(4, 9).double()
    J = jacobian(layer, points(3, 4))
    assert not J.requires_grad and layer.weight.grad is None and layer.weight.requires_grad


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(16, dtype=torch.float64), r"x: shape \[16\]; give points as rows"),
        (torch.zeros(0, 16, dtype=torch.float64), "at least one"),
        (torch.zeros(2, 16), "float32; give points in float64"),
        (torch.tensor([[0.0] * 16, [float("nan")] * 16], dtype=torch.float64), "point 1 has values that are nan"),
    ],
)
def test_points_that_are_none_are_refused(x, message):
    with pytest.raises(DataError, match=message):
        jacobian(network_map("fcn", 4), x)


def test_budgets_and_maps_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match=r"geometry\.memory=0"):
        jacobian(network_map("fcn", 4), points(1, 16), memory=0)
    with pytest.raises(DataError, match=r"returned shape \[1, 4\]; give a map from \[d\] to \[n\]"):
        jacobian(lambda x: x[None], points(1, 4))


@pytest.mark.parametrize("memory", [1.0, 1e9])
def test_a_diverged_map_is_an_error_that_names_the_point(memory):
    x = points(3, 4).abs()
    x[2, 0] = -1
    with pytest.raises(ArithmeticError, match="point 2: the Jacobian has values that aren't finite"):
        jacobian(torch.sqrt, x, memory)
