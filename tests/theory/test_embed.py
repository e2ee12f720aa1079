"""Theorem 3.1 of Xiao & Pennington (2022): every inclusion exact, every control deviates, every law separates."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Activation, Dense, Flatten, LocallyConnected
from geomsym.errors import ConfigError
from geomsym.theory import INCLUSIONS, deviation
from geomsym.theory.embed import gap_in_vec, lap_in_vec, lcn_in_fcn, lcn_in_vec, vec_in_lcn

IMAGE = (3, 4, 6)
POSITIONS = 24
SMALL = {"outputs": 4, "width": 3, "window": 2, "b_variance": 0.3}
every_inclusion = pytest.mark.parametrize("inclusion", INCLUSIONS, ids=lambda i: f"{i.smaller}-{i.larger}")
every_depth = pytest.mark.parametrize("depth", [1, 2, 3])


def images(shape=IMAGE, count: int = 40) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def smaller(family: str, shape=IMAGE, **settings):
    """A random network of the smaller family and its specs."""
    layer_specs = specs(family, **{**SMALL, **settings})
    return build(layer_specs, shape, 1, torch.float64), layer_specs


def weights(network: nn.Module) -> list[Tensor]:
    return [value for name, value in network.named_parameters() if name.endswith("weight")]


@every_inclusion
@every_depth
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "erf"])
@pytest.mark.parametrize("kernel_size", [3, 5])
@torch.no_grad()
def test_the_larger_network_computes_the_same_and_every_layer_matters(inclusion, depth, activation, kernel_size):
    network, layer_specs = smaller(inclusion.smaller, depth=depth, activation=activation, kernel_size=kernel_size)
    larger = inclusion.embed(network, layer_specs, IMAGE)
    expected = network(images())
    assert deviation(larger.network(images()), expected) < 1e-12
    for weight in weights(larger.network):
        first = weight.flatten()[0].clone()
        weight.view(-1)[0] += 5  # enough to wake a relu that is off on most images
        assert deviation(larger.network(images()), expected) > 1e-6
        weight.view(-1)[0] = first
    assert deviation(larger.network(images()), expected) < 1e-12


@every_inclusion
def test_the_larger_network_is_the_one_that_the_zoo_makes(inclusion):
    network, layer_specs = smaller(inclusion.smaller, depth=3, first_layer_init="uniform")
    larger = inclusion.embed(network, layer_specs, IMAGE)
    width = SMALL["width"] * {"n": 1, "d·n": POSITIONS}[inclusion.width]
    wanted = specs(inclusion.larger, **{**SMALL, "width": width}, depth=3, first_layer_init="uniform")
    assert larger.specs == wanted
    shapes = [value.shape for value in build(wanted, IMAGE).parameters()]
    assert [value.shape for value in larger.network.parameters()] == shapes


@every_inclusion
@pytest.mark.parametrize("shape", [(3, 2, 4), (1, 2, 2), (2, 4, 2)])
@torch.no_grad()
def test_taps_that_wrap_around_and_meet_are_added(inclusion, shape):
    network, layer_specs = smaller(inclusion.smaller, shape, depth=2, kernel_size=5)
    x = images(shape)
    assert deviation(inclusion.embed(network, layer_specs, shape).network(x), network(x)) < 1e-12


@torch.no_grad()
def test_the_taps_of_the_wider_vec_have_a_direction():
    """Positive control of the offsets: filters turned by 180° read blocks on the wrong side."""
    network, layer_specs = smaller("lcn", depth=2)
    larger = lcn_in_vec(network, layer_specs, IMAGE).network
    weights(larger)[1].copy_(weights(larger)[1].flip(2, 3))
    assert deviation(larger(images()), network(images())) > 1e-2


@torch.no_grad()
def test_a_channel_of_the_wider_vec_is_read_at_its_position_only():
    network, layer_specs = smaller("lcn", depth=2, activation="sigmoid")
    larger = lcn_in_vec(network, layer_specs, IMAGE).network
    body, readout = larger[:-2], larger[-1]
    hidden = body(images())
    own = torch.eye(POSITIONS, dtype=torch.bool).repeat_interleave(SMALL["width"], 0).reshape(-1, *IMAGE[1:])
    elsewhere = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = network(images())
    assert hidden[:, ~own].min() > 0
    assert deviation(readout(torch.where(own, hidden, elsewhere).flatten(1)), expected) < 1e-12
    assert deviation(readout(torch.where(own, elsewhere, hidden).flatten(1)), expected) > 1e-2


@torch.no_grad()
def test_inclusions_compose():
    network, layer_specs = smaller("gap", depth=2, activation="sigmoid")
    expected, larger = network(images()), None
    for embed in (gap_in_vec, vec_in_lcn, lcn_in_fcn):
        larger = embed(network, layer_specs, IMAGE)
        network, layer_specs = larger.network, larger.specs
        assert deviation(network(images()), expected) < 1e-12


@torch.no_grad()
def test_layers_may_differ_in_width_filter_activation_and_variance():
    body = (LocallyConnected(2, 1.3, 0.4), Activation("erf"), LocallyConnected(3, 2.5, 0.0, kernel_size=5))
    layer_specs = (*body, Activation("gelu"), Flatten(), Dense(2, 0.7, 0.2))
    network = build(layer_specs, IMAGE, 0, torch.float64)
    for embed in (lcn_in_vec, lcn_in_fcn):
        assert deviation(embed(network, layer_specs, IMAGE).network(images()), network(images())) < 1e-12


@torch.no_grad()
def test_a_single_precision_network_stays_one():
    network, layer_specs = smaller("lcn", depth=2)
    single = network.float()
    larger = lcn_in_vec(single, layer_specs, IMAGE).network
    assert {value.dtype for value in larger.parameters()} == {torch.float32}
    assert deviation(larger(images().float()), single(images().float())) < 1e-5


@every_inclusion
def test_zero_padding_is_refused(inclusion):
    network, layer_specs = smaller(inclusion.smaller, depth=2, padding="zero")
    with pytest.raises(ConfigError, match=r"architecture\.padding=zero: .* give circular"):
        inclusion.embed(network, layer_specs, IMAGE)


@every_inclusion
@pytest.mark.parametrize("family", ["fcn", "lcn", "vec", "lap", "gap"])
def test_specs_of_another_family_are_refused(inclusion, family):
    if family != inclusion.smaller:
        network, layer_specs = smaller(family, depth=2)
        with pytest.raises(ConfigError, match=f"not a {inclusion.smaller.upper()}: give"):
            inclusion.embed(network, layer_specs, IMAGE)


def test_layers_without_a_body_or_with_even_filters_are_refused():
    network, layer_specs = smaller("lcn", depth=1)
    with pytest.raises(ConfigError, match="not a LCN"):
        lcn_in_vec(network, layer_specs[2:], IMAGE)
    even = (replace(layer_specs[0], kernel_size=2), *layer_specs[1:])
    with pytest.raises(ConfigError, match=r"architecture\.kernel_size=2: give an odd number"):
        lcn_in_vec(network, even, IMAGE)


@pytest.mark.parametrize(
    "changed",
    [{"depth": 1}, {"width": 2}, {"kernel_size": 5}, {"activation": "erf"}, {"w_variance": 2.01}, {"b_variance": 0.31}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_network_of_other_specs_is_refused(changed):
    network, _ = smaller("lap", depth=2)
    _, other = smaller("lap", **{"depth": 2, **changed})
    with pytest.raises(ConfigError, match=r"^network=Conv → .* → Dense: it is not the network of these specs"):
        lap_in_vec(network, other, IMAGE)


def test_a_network_of_another_image_size_is_refused():
    network, layer_specs = smaller("lcn", depth=2)
    with pytest.raises(ConfigError, match=r"for images \[3, 6, 4\]"):
        lcn_in_fcn(network, layer_specs, (3, 6, 4))
