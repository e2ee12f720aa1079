"""The coupled first layer of Theorem 4.1: exact for the groups of the theorem, the best of least squares elsewhere."""

from math import prod

import pytest
import torch
from torch import nn

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LocallyConnected,
)
from geomsym.errors import ConfigError
from geomsym.theory.coupling import OUTPUTS, coupling
from geomsym.theory.invariant_groups import invariant_groups
from geomsym.transforms import GROUPS, sample_transform

SHAPE = (3, 4, 4)
FAMILIES = ("fcn", "lcn", "vec", "lap", "gap")


def layers(name: str, **changes):
    return specs(name, 3, **({"width": 6, "depth": 2, "window": 2} | changes))


INVARIANT = [(name, group) for name in FAMILIES for group in invariant_groups(layers(name))]
BEYOND = [(name, group) for name in FAMILIES for group in GROUPS if (name, group) not in INVARIANT]


def network(name: str, shape=SHAPE, **changes) -> nn.Sequential:
    return build(layers(name, **changes), shape, 1, torch.float64)


def element(group: str, shape=SHAPE, seed=5):
    return sample_transform(group, shape, seed, dtype=torch.float64)


def images(count=7, shape=SHAPE):
    return torch.randn(count, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize(("name", "group"), INVARIANT)
def test_the_coupled_network_sees_x_as_the_other_sees_tau_x(name, group, padding):
    f, tau = network(name, padding=padding), element(group)
    before = {key: value.clone() for key, value in f.state_dict().items()}
    couple, x = coupling(f, tau), images()
    torch.testing.assert_close(couple(f)(x), f(tau(x)), rtol=0, atol=1e-13)
    assert couple.residual(f) < 1e-14
    assert all(torch.equal(value, before[key]) for key, value in f.state_dict().items())


@pytest.mark.parametrize(
    ("name", "group", "shape", "padding"),
    [
        ("fcn", "global_rotation", SHAPE, "circular"),
        ("lcn", "global_rotation", SHAPE, "circular"),
        ("lcn", "global_rotation", SHAPE, "zero"),
        ("vec", "pixel_rotation", SHAPE, "circular"),
        ("vec", "pixel_rotation", SHAPE, "zero"),
        ("gap", "global_permutation", SHAPE, "circular"),
        ("vec", "pixel_rotation", (3, 2, 2), "circular"),
        ("lcn", "pixel_rotation", (3, 2, 4), "circular"),
    ],
)
def test_coupled_weights_are_the_smallest_of_least_squares(name, group, shape, padding):
    """The operators of all unit weights as columns of one matrix, and the pseudoinverse; 2 pixels tie two taps."""
    f, tau = network(name, shape, width=2, padding=padding), element(group, shape)
    couple = coupling(f, tau)
    residual_found = couple.residual(f)
    index = 1 if name == "fcn" else 0
    basis = torch.eye(prod(shape), dtype=torch.float64).reshape(-1, *shape)
    layer, ours = f[index], couple(f)[index].weight.detach()
    layer.bias.data.zero_()
    images = basis.flatten(1) if name == "fcn" else basis
    turned = tau(basis).flatten(1) if name == "fcn" else tau(basis)
    with torch.no_grad():
        target = layer(turned).flatten()
        columns = []
        for unit in torch.eye(layer.weight.numel(), dtype=torch.float64):
            layer.weight.copy_(unit.reshape(layer.weight.shape))
            columns.append(layer(images).flatten())
    matrix = torch.stack(columns, dim=1)
    reached = (matrix != 0).any(0)
    best = torch.linalg.lstsq(matrix, target, driver="gelsd").solution
    torch.testing.assert_close(ours.flatten()[reached], best[reached], rtol=0, atol=1e-12)
    residual = (matrix @ best - target).norm() / target.norm()
    assert residual_found == pytest.approx(residual.item(), abs=1e-12)


@pytest.mark.parametrize(("name", "group"), BEYOND)
def test_larger_groups_leave_a_residual_of_order_one(name, group):
    f = network(name)
    assert coupling(f, element(group)).residual(f) > 0.5


def test_the_map_of_a_dense_layer_is_tau_and_that_of_filters_its_channel_matrix():
    tau = element("global_rotation")
    torch.testing.assert_close(coupling(network("fcn"), tau).matrix, tau.matrix, rtol=0, atol=1e-14)
    q = element("shared_rotation")
    matrix = coupling(network("gap"), q).matrix.reshape(3, 9, 3, 9)
    torch.testing.assert_close(matrix, torch.einsum("ij,st->isjt", q.matrix, torch.eye(9).double()))


def test_a_coupling_made_from_one_network_serves_another_of_its_kind():
    first, second = (build(layers("lcn"), SHAPE, seed, torch.float64) for seed in (0, 1))
    tau, x = element("pixel_rotation"), images()
    torch.testing.assert_close(coupling(first, tau)(second)(x), second(tau(x)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["lcn", "vec"])
def test_images_are_taken_a_few_at_a_time(name, monkeypatch):
    f, tau = network(name), element("pixel_rotation")
    whole = coupling(f, tau)
    monkeypatch.setattr("geomsym.theory.coupling.OUTPUTS", 1000)
    parts = coupling(f, tau)
    torch.testing.assert_close(parts.matrix, whole.matrix)
    assert parts.residual(f) == pytest.approx(whole.residual(f), abs=1e-14) and OUTPUTS > 1000


@pytest.mark.parametrize(
    ("before", "layer", "group", "exact"),
    [
        ((AveragePool(2),), Conv(4), "shared_rotation", True),
        ((AveragePool(2),), Conv(4), "pixel_rotation", False),
        ((AveragePool(2),), LocallyConnected(4), "shared_rotation", True),
        ((AveragePool(2), Flatten()), Dense(5), "shared_permutation", True),
        ((AveragePool(2), Flatten()), Dense(5), "pixel_rotation", False),
        ((GlobalAveragePool(),), Dense(5), "shared_rotation", True),
        ((GlobalAveragePool(),), Dense(5), "global_permutation", False),
    ],
)
def test_layers_may_average_before_they_weigh(before, layer, group, exact):
    head = () if isinstance(layer, Dense) else (Flatten(),)
    stack = (*before, layer, Activation(), *head, Dense(3))
    f, tau, x = build(stack, SHAPE, 1, torch.float64), element(group), images()
    couple = coupling(f, tau)
    assert (group in invariant_groups(stack)) == exact
    assert (couple.residual(f) < 1e-14) == exact and (couple.residual(f) > 0.1) != exact
    assert ((couple(f)(x) - f(tau(x))).abs().max() < 1e-13) == exact


def test_networks_that_begin_with_no_weights_cannot_be_coupled():
    begun = (Activation(), Flatten(), Dense(2))
    with pytest.raises(ConfigError, match=r"begin with a convolution"):
        coupling(build(begun, SHAPE), element("identity"))
    with pytest.raises(ConfigError, match=r"begin with a convolution"):
        coupling(nn.Sequential(), element("identity"))
    with pytest.raises(ConfigError, match=r"begin with a convolution"):
        coupling(nn.Sequential(nn.Flatten()), element("identity"))
