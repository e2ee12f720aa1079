"""Laws of Theorem 3.1's smaller families: obeyed by them, and broken by the larger ones."""

import pytest
import torch
from torch import Tensor

from geomsym.architectures import build, specs
from geomsym.errors import ConfigError
from geomsym.theory import INCLUSIONS, strictness
from geomsym.theory.laws import locality_law

IMAGE = (3, 4, 6)
SMALL = {"outputs": 4, "width": 3, "window": 2, "b_variance": 0.3}
every_inclusion = pytest.mark.parametrize("inclusion", INCLUSIONS, ids=lambda i: f"{i.smaller}-{i.larger}")
every_depth = pytest.mark.parametrize("depth", [1, 2, 3])


def images(shape=IMAGE, count: int = 40) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def smaller(family: str, shape=IMAGE, **settings):
    """A random network of the smaller family and its specs."""
    layer_specs = specs(family, **{**SMALL, **settings})
    return build(layer_specs, shape, 1, torch.float64), layer_specs


def law_case(inclusion, depth: int, activation: str):
    """Specs, and images for which the law says something: outputs beyond a dimension, a side beyond the fields."""
    settings = {**SMALL, "depth": depth, "activation": activation}
    if inclusion.larger == "fcn":
        return specs("lcn", **settings), images((3, 2, 4 * depth + 2), 4)
    if inclusion.smaller == "lcn":
        return specs("lcn", **{**settings, "outputs": 22}), images((3, 2, 3), 60)
    return specs(inclusion.smaller, **settings), images(count=30)


@every_inclusion
@every_depth
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "erf"])
def test_the_smaller_family_obeys_its_law_and_the_larger_breaks_it(inclusion, depth, activation):
    layer_specs, x = law_case(inclusion, depth, activation)
    result = strictness(inclusion, layer_specs, x)
    assert result.smaller < 1e-12
    assert result.larger > 1e-6


@torch.no_grad()
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_locality_holds_from_the_stated_side_on(kernel_size):
    """Positive control: pixels within the same field interact, which narrower specs make the law look at."""
    shape = (3, 2, 2 * kernel_size)
    network, layer_specs = smaller("lcn", shape, depth=1, kernel_size=kernel_size, activation="erf")
    assert locality_law(network, layer_specs, images(shape)) < 1e-12
    with pytest.raises(ConfigError, match=f"a side of at least {2 * kernel_size}"):
        locality_law(network, layer_specs, images((3, 2, 2 * kernel_size - 1)))
    near = (3, 2, 2 * kernel_size - 1)
    network, _ = smaller("lcn", near, depth=1, kernel_size=kernel_size, activation="erf")
    assert locality_law(network, smaller("lcn", near, depth=1, kernel_size=kernel_size - 2)[1], images(near)) > 1e-6


@torch.no_grad()
def test_an_embedded_network_obeys_the_law_of_its_origin():
    for inclusion in INCLUSIONS:
        layer_specs, x = law_case(inclusion, 2, "relu")
        shape = tuple(x.shape[1:])
        larger = inclusion.embed(build(layer_specs, shape, 0, torch.float64), layer_specs, shape).network
        assert inclusion.law(larger, layer_specs, x) < 1e-12


def test_lap_of_single_pixels_is_vec_and_has_no_law():
    result = strictness(INCLUSIONS[1], specs("lap", **{**SMALL, "window": 1}, depth=1), images())
    assert result.smaller < 1e-12
    assert result.larger < 1e-12


def test_laws_refuse_what_they_say_nothing_about():
    vec, wider, fcn = INCLUSIONS[2:]
    with pytest.raises(ConfigError, match=r"^outputs=4: the law concerns the dimension 4: give at least 5$"):
        strictness(vec, specs("vec", **{**SMALL, "width": 4}, depth=1), images())
    with pytest.raises(ConfigError, match=r"^images=6: the law concerns the dimension 72: give at least 74$"):
        strictness(wider, specs("lcn", **SMALL, depth=1), images(count=6))
    with pytest.raises(ConfigError, match=r"^images=4×6: .* side of at least 10$"):
        strictness(fcn, specs("lcn", **SMALL, depth=2), images())
