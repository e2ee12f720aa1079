"""Theorem 4.1: coupled first layers against dense least squares, coupled training with its controls, laws."""

from math import prod

import pytest
import torch
from torch import nn

from geomsym.architectures import architecture_specs, build, specs
from geomsym.architectures.layer_specs import Activation, Dense, Flatten
from geomsym.config import ArchitectureConfig
from geomsym.errors import ConfigError
from geomsym.inference import gradient_descent
from geomsym.theory.coupling import couple
from geomsym.theory.invariance import (
    CLAIMS,
    NEXT_LARGER,
    Penalty,
    check,
    check_law,
    coupled_training,
    first_layer_law,
    gaussian_images,
    invariant,
    settings,
)
from geomsym.transforms import GROUPS, sample_transform

SHAPE = (3, 4, 4)
CLAIMED = [(name, group) for name, groups in CLAIMS.items() for group in groups]
ROTATIONS = {"fcn": "global_rotation", "lcn": "pixel_rotation", "vec": "shared_rotation", "gap": "shared_rotation"}


def small(name: str, **changes) -> ArchitectureConfig:
    return ArchitectureConfig(name=name, **({"width": 6, "depth": 2, "window": 2} | changes))


def network(name: str, shape=SHAPE, **changes) -> nn.Sequential:
    return build(architecture_specs(small(name, **changes), 3), shape, 1, torch.float64)


def element(group: str, shape=SHAPE, seed=5):
    return sample_transform(group, shape, seed, dtype=torch.float64)


# --- The coupled first layer ---


@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize(("name", "group"), CLAIMED)
def test_the_coupled_network_sees_x_as_the_other_sees_tau_x(name, group, padding):
    f, tau = network(name, padding=padding), element(group)
    before = {key: value.clone() for key, value in f.state_dict().items()}
    coupling = couple(f, tau)
    x = torch.randn(7, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(coupling.network(x), f(tau(x)), rtol=0, atol=1e-13)
    assert coupling.residual < 1e-14
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
    coupling = couple(f, tau)
    index = 1 if name == "fcn" else 0
    basis = torch.eye(prod(shape), dtype=torch.float64).reshape(-1, *shape)
    layer, ours = f[index], coupling.network[index].weight.detach()
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
    assert coupling.residual == pytest.approx(residual.item(), abs=1e-12)


@pytest.mark.parametrize(("name", "group"), NEXT_LARGER.items())
def test_the_next_larger_group_leaves_a_residual_of_order_one(name, group):
    assert couple(network(name), element(group)).residual > 0.5


def test_networks_that_begin_with_no_weights_cannot_be_coupled():
    layers = (Activation(), Flatten(), Dense(2))
    with pytest.raises(ConfigError, match=r"begin with a convolution"):
        couple(build(layers, SHAPE), element("identity"))
    with pytest.raises(ConfigError, match=r"begin with a convolution"):
        couple(nn.Sequential(), element("identity"))


# --- Coupled training ---


@pytest.mark.parametrize(("name", "group"), CLAIMED)
def test_trained_networks_are_invariant_under_the_groups_of_their_family(name, group):
    row = check(small(name), group)
    assert row.expected and row.holds and row.deviation < 1e-9 == row.tolerance
    assert (row.architecture, row.group) == ("lap2" if name == "lap" else name, group)


@pytest.mark.parametrize(("name", "group"), NEXT_LARGER.items())
def test_trained_networks_are_not_invariant_under_the_next_larger_group(name, group):
    row = check(small(name), group)
    assert not row.expected and not row.holds and row.deviation > 0.1


@pytest.mark.parametrize(("name", "group"), ROTATIONS.items())
def test_cross_entropy_is_invariant_too(name, group):
    row = check(small(name), group, cfg=settings(loss="cross_entropy"), seed=3)
    assert row.expected and row.holds


@pytest.mark.parametrize("name", ["fcn", "lcn", "vec"])
def test_adam_keeps_permutations_only(name):
    permutation = ROTATIONS[name].replace("rotation", "permutation")
    kept, broken = (check(small(name), g, cfg=settings(optimizer="adam")) for g in (permutation, ROTATIONS[name]))
    assert kept.expected and kept.holds
    assert not broken.expected and broken.deviation > 1e-3


@pytest.mark.parametrize(("power", "invariant_under_rotations"), [(2, True), (4, False)])
def test_penalties_keep_permutations_and_rotations_at_power_two_only(power, invariant_under_rotations):
    penalty = Penalty(power, 1e-2)
    kept, rotated = (check(small("fcn"), f"global_{kind}", penalty=penalty) for kind in ("permutation", "rotation"))
    assert kept.expected and kept.holds
    assert rotated.expected == rotated.holds == invariant_under_rotations
    assert rotated.holds or rotated.deviation > 1e-3


def test_the_penalty_of_power_two_is_weight_decay():
    """B with a penalty strength/2·|θ|² takes the steps of B with `l2` that much larger."""
    data, tau, layers = gaussian_images(), element("pixel_rotation"), specs("vec", 3, width=4, depth=2)
    by_penalty = coupled_training(layers, tau, data, settings(l2=0.0, max_steps=10), 0, Penalty(2, 0.05))
    by_decay = coupled_training(layers, tau, data, settings(l2=0.05, max_steps=10), 0)
    without = coupled_training(layers, tau, data, settings(l2=0.0, max_steps=10), 0)
    assert by_penalty.predictions == pytest.approx(by_decay.predictions, rel=1e-10)
    assert by_penalty.predictions != pytest.approx(without.predictions, rel=1e-3)


def test_curves_begin_before_training_and_deviations_are_their_largest():
    """Adam breaks rotations step by step, from a coupling that is exact."""
    cfg = settings(optimizer="adam", max_steps=20)
    found = coupled_training(specs("fcn", 3, width=6, depth=2), element("global_rotation"), gaussian_images(), cfg, 0)
    assert len(found.predictions) == len(found.weights) == 21
    assert max(found.residual, found.predictions[0], found.weights[0]) < 1e-13
    assert min(*found.predictions[1:], *found.weights[1:]) > 1e-4
    assert found.deviation == max(found.predictions + found.weights)


def test_the_settings_of_the_checks_train():
    """Invariance of networks that stand still would show nothing: noise of three classes is fitted halfway."""
    curve = gradient_descent(specs("fcn", 3, width=64, depth=2), gaussian_images(), settings(eval_every=100), 0).curve
    assert curve[max(curve)]["train", "mse"] < 0.5 * curve[0]["train", "mse"]


def test_images_in_single_precision_are_compared_in_double():
    assert check(small("gap"), "shared_rotation", gaussian_images().map(lambda x: x.float())).holds


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ConfigError, match=r"inference\.learning_rate=.*diverged"):
        check(small("fcn"), "identity", cfg=settings(learning_rate=1e6))
    with pytest.raises(ConfigError, match=r"transform\.name=rotation"):
        check(small("fcn"), "rotation")
    with pytest.raises(ConfigError, match=r"architecture\.name=cnn"):
        check(small("cnn"), "identity")
    with pytest.raises(ConfigError, match=r"grey images"):
        check(small("gap"), "shared_rotation", gaussian_images((1, 4, 4)))
    with pytest.raises(ConfigError, match=r"penalty\.power=0\.5"):
        Penalty(0.5, 1.0)
    with pytest.raises(ConfigError, match=r"penalty\.strength=-1"):
        Penalty(2, -1)


def test_controls_are_outside_the_claims():
    assert all(group not in CLAIMS[name] for name, group in NEXT_LARGER.items())
    assert set(CLAIMS["fcn"]) == set(GROUPS) and "fcn" not in NEXT_LARGER
    assert invariant("lcn", "pixel_permutation", "adam") and not invariant("lcn", "pixel_rotation", "adam")


# --- The law of the first layer ---


WIDTHS = {"fcn": 1000, "lcn": 200, "gap": 3000}


@pytest.mark.parametrize("init", ["gaussian", "uniform"])
@pytest.mark.parametrize("kind", ["permutation", "rotation"])
@pytest.mark.parametrize("name", WIDTHS)
def test_gaussian_layers_keep_their_law_and_uniform_ones_under_permutations(name, kind, init):
    architecture = small(name, width=WIDTHS[name], first_layer_init=init)
    row = check_law(architecture, ROTATIONS[name].replace("rotation", kind))
    assert row.holds == row.expected == (init == "gaussian" or kind == "permutation")
    assert row.holds or row.deviation > 10


def test_rotated_uniform_weights_have_the_fourth_moment_of_their_rotation():
    """E (Σ_i w_i Q_ij)⁴ = 3 − (6/5)·Σ_i Q_ij⁴, averaged over the channels j."""
    law = first_layer_law(small("gap", width=3000, first_layer_init="uniform"), "shared_rotation", SHAPE, seed=2)
    q = element("shared_rotation", seed=2).matrix
    expected = 3 - 6 / 5 * q.pow(4).sum(0).mean().item()
    assert law.expected == 9 / 5 and abs(expected - 9 / 5) > 20 * law.standard_error
    assert abs(law.value - expected) < 4.5 * law.standard_error < 0.1


def test_laws_need_rows_to_estimate_their_error():
    with pytest.raises(ConfigError, match=r"architecture\.width=1"):
        first_layer_law(small("gap", width=1), "identity")
