"""Theorem 4.1 for trained networks: coupled training under every group, its controls, and the search for groups."""

from dataclasses import replace

import pytest
import torch

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import Activation, AveragePool, Conv, Dense, Flatten, GlobalAveragePool
from geomsym.errors import ConfigError
from geomsym.theory import check_invariance, discover
from geomsym.theory.coupled_training import coupled_config, gaussian_images
from geomsym.theory.invariance import check_coupling, check_kernels
from geomsym.theory.invariant_groups import Penalty, infinite_groups, invariant_groups
from geomsym.transforms import GROUPS, sample_transform
from marks import slow

SHAPE = (3, 4, 4)
FAMILIES = ("fcn", "lcn", "vec", "lap", "gap")
ROTATIONS = {"fcn": "global_rotation", "lcn": "pixel_rotation", "vec": "shared_rotation", "gap": "shared_rotation"}


def layers(name: str, **changes):
    return specs(name, 3, **({"width": 6, "depth": 2, "window": 2} | changes))


INVARIANT = [(name, group) for name in FAMILIES for group in invariant_groups(layers(name))]
BEYOND = [(name, group) for name in FAMILIES for group in GROUPS if (name, group) not in INVARIANT]


def element(group: str, shape=SHAPE, seed=5):
    return sample_transform(group, shape, seed, dtype=torch.float64)


# --- One group ---


LARGEST = [(name, ROTATIONS.get(name, "shared_rotation")) for name in FAMILIES]


@pytest.mark.parametrize(("name", "group"), [*LARGEST, *slow(*(pair for pair in INVARIANT if pair not in LARGEST))])
def test_trained_networks_are_invariant_under_the_groups_of_their_family(name, group):
    row = check_invariance(layers(name), group, name)
    assert row.expected and row.holds and row.verdict == "holds" and row.deviation < 1e-9 == row.tolerance
    assert (row.architecture, row.group) == (name, group)


@pytest.mark.parametrize(("name", "group"), BEYOND)
def test_trained_networks_are_not_invariant_under_larger_groups(name, group):
    row = check_invariance(layers(name), group, name, cfg=coupled_config(max_steps=20))
    assert row.expected is False and row.deviation > 0.1 and row.verdict == "broken, as expected"
    coupled = check_coupling(layers(name), group, name)
    assert coupled.deviation > 0.5 and coupled.verdict == "broken, as expected"


@pytest.mark.parametrize(("name", "group"), ROTATIONS.items())
def test_cross_entropy_is_invariant_too(name, group):
    row = check_invariance(layers(name), group, name, cfg=coupled_config(loss="cross_entropy"), seed=3)
    assert row.expected and row.holds


@pytest.mark.parametrize("name", ["fcn", "gap", *slow("lcn", "vec", "lap")])
def test_adam_keeps_permutations_only(name):
    rotation = ROTATIONS.get(name, "shared_rotation")
    cfg = coupled_config(optimizer="adam")
    kept, broken = (
        check_invariance(layers(name), group, name, cfg=cfg)
        for group in (rotation.replace("rotation", "permutation"), rotation)
    )
    assert kept.expected and kept.holds
    assert broken.expected is False and broken.broken


@pytest.mark.parametrize(("power", "invariant_under_rotations"), [(1, False), (2, True), (4, False)])
def test_penalties_keep_permutations_and_rotations_at_power_two_only(power, invariant_under_rotations):
    penalty = Penalty(power, 1e-2)
    kept, rotated = (
        check_invariance(layers("fcn"), f"global_{kind}", "fcn", penalty=penalty)
        for kind in ("permutation", "rotation")
    )
    assert kept.expected and kept.holds
    assert rotated.expected == rotated.holds == invariant_under_rotations
    assert rotated.holds or rotated.broken


def test_images_in_single_precision_are_compared_in_double():
    assert check_invariance(layers("gap"), "shared_rotation", "gap", gaussian_images().map(lambda x: x.float())).holds


def test_permutations_are_never_the_identity():
    """The element of seed 1 is the identity, under which a network that sees every permutation would pass."""
    assert torch.equal(element("shared_permutation", seed=1).index, torch.arange(48))
    pointwise = (Conv(4, kernel_size=1), Activation(), Flatten(), Dense(3))
    assert check_invariance(pointwise, "shared_permutation", "", cfg=coupled_config(optimizer="adam"), seed=1).holds
    sees = check_invariance(layers("gap"), "pixel_permutation", "gap", cfg=coupled_config(max_steps=1), seed=1)
    assert sees.broken


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ConfigError, match=r"inference\.learning_rate=.*diverged"):
        check_invariance(layers("fcn"), "identity", "fcn", cfg=coupled_config(learning_rate=1e6))
    with pytest.raises(ConfigError, match=r"transform\.name=rotation"):
        check_invariance(layers("fcn"), "rotation", "fcn")
    with pytest.raises(ConfigError, match=r"grey images"):
        check_invariance(layers("gap"), "shared_rotation", "gap", gaussian_images((1, 4, 4)))


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 3, 3), (3, 2, 3), *slow(((3, 3, 4),), ((3, 1, 3),), ((3, 2, 2),))])
@pytest.mark.parametrize("name", ["gap", *slow("lcn", "vec")])
def test_the_theorems_groups_hold_and_no_more_on_images_as_small_as_the_filters(name, shape):
    """On one pixel all groups are its channels'; filters that see all of them alike are as good as dense."""
    data = gaussian_images(shape)
    for group in GROUPS:
        assert check_invariance(layers(name), group, name, data, coupled_config(max_steps=10)).as_expected
        assert check_kernels(layers(name), group, name, data.train.x[:4]).as_expected


# --- Which group? ---


@pytest.mark.parametrize(
    ("name", "optimizer", "largest"),
    [
        ("fcn", "sgd", ["global_rotation"]),
        ("lcn", "sgd", ["pixel_rotation"]),
        ("vec", "sgd", ["shared_rotation"]),
        ("gap", "sgd", ["shared_rotation"]),
        ("fcn", "adam", ["global_permutation"]),
        ("lcn", "adam", ["pixel_permutation"]),
        ("gap", "adam", ["shared_permutation"]),
    ],
)
def test_the_largest_group_is_found(name, optimizer, largest):
    found = discover(layers(name), name, cfg=coupled_config(optimizer=optimizer, max_steps=30))
    assert found.largest == largest and not found.left_out
    assert [row.group for row in found.checks] == list(GROUPS)[1:] and all(row.as_expected for row in found.checks)
    assert {row.expected for row in found.checks} <= {True, None}
    assert {row.verdict for row in found.checks} <= {"holds", "broken"}


@pytest.mark.parametrize(
    ("stack", "largest"),
    [
        ((AveragePool(2), Conv(4), Activation("tanh"), GlobalAveragePool(), Dense(3)), ["shared_rotation"]),
        ((Conv(4), Activation(), AveragePool(2), Conv(5), Activation(), Flatten(), Dense(3)), ["shared_rotation"]),
        ((Flatten(), Dense(3)), ["global_rotation"]),
        ((GlobalAveragePool(), Dense(6), Activation(), Dense(3)), ["shared_rotation"]),
        ((Conv(4, kernel_size=1), Activation(), Flatten(), Dense(3)), ["shared_rotation"]),
    ],
)
def test_architectures_that_the_paper_leaves_to_the_reader(stack, largest):
    assert discover(stack, "mine", cfg=coupled_config(max_steps=20)).largest == largest


def test_groups_that_cannot_act_are_left_out_with_the_reason():
    found = discover(layers("fcn"), "fcn", gaussian_images((1, 4, 4)), coupled_config(max_steps=10))
    assert [row.group for row in found.checks] == ["global_permutation", "global_rotation"]
    assert found.largest == ["global_rotation"] and "grey images" in found.left_out["shared_rotation"]


def test_a_group_of_the_theorem_that_breaks_is_not_as_expected():
    found = discover(layers("gap"), "gap", cfg=coupled_config(max_steps=10))
    broken = replace(found.checks[0], deviation=0.5)
    assert broken.expected and broken.verdict == "BROKEN" and not broken.as_expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_finds_the_same():
    on_gpu = gaussian_images().map(lambda x: x.cuda())
    assert discover(layers("lcn"), "lcn", on_gpu, coupled_config(max_steps=20)).largest == ["pixel_rotation"]


# --- Infinite width ---


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("group", GROUPS)
def test_kernels_are_invariant_under_the_groups_of_infinite_width(name, group):
    images = gaussian_images().train.x[:4]
    row = check_kernels(layers(name), group, name, images)
    assert row.expected == (group in infinite_groups(layers(name))) and row.as_expected
    assert row.holds or row.deviation > 1e-3
