"""The law of the coupled first layer, by its moments."""

import pytest
import torch

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import Flatten
from geomsym.errors import ConfigError
from geomsym.theory.first_layer_law import check_law, first_layer_moment
from geomsym.transforms import sample_transform

WIDTHS = {"fcn": 1000, "lcn": 200, "gap": 3000}
GROUP = {"fcn": "global", "lcn": "pixel", "gap": "shared"}


def layers(name: str, init: str = "gaussian", **changes):
    return specs(name, 1, **({"width": WIDTHS[name], "depth": 1, "first_layer_init": init} | changes))


@pytest.mark.parametrize("init", ["gaussian", "uniform"])
@pytest.mark.parametrize("kind", ["permutation", "rotation"])
@pytest.mark.parametrize("name", WIDTHS)
def test_gaussian_layers_keep_their_law_and_uniform_ones_under_permutations(name, kind, init):
    row = check_law(layers(name, init), f"{GROUP[name]}_{kind}", name)
    assert row.expected == (init == "gaussian" or kind == "permutation") and row.as_expected
    assert row.holds or row.deviation > 10


@pytest.mark.parametrize("name", WIDTHS)
def test_second_moments_cannot_tell(name):
    row = check_law(layers(name, "uniform"), f"{GROUP[name]}_rotation", name, power=2)
    assert row.expected and row.holds


def test_second_moments_see_another_variance():
    """Positive control: the weights of a layer, doubled."""
    moment = first_layer_moment(layers("gap"), "shared_rotation", 2)
    assert abs(4 * moment.value - moment.expected) > 10 * moment.standard_error


def test_rotated_uniform_weights_have_the_fourth_moment_of_their_rotation():
    """E (Σ_i w_i Q_ij)⁴ = 3 − (6/5)·Σ_i Q_ij⁴, averaged over the channels j."""
    moment = first_layer_moment(layers("gap", "uniform"), "shared_rotation", seed=2)
    q = sample_transform("shared_rotation", (3, 4, 4), 2, dtype=torch.float64).matrix
    expected = 3 - 6 / 5 * q.pow(4).sum(0).mean().item()
    assert moment.expected == 9 / 5 and abs(expected - 9 / 5) > 20 * moment.standard_error
    assert abs(moment.value - expected) < 4.5 * moment.standard_error < 0.1


def test_laws_need_rows_to_estimate_their_error():
    with pytest.raises(ConfigError, match=r"architecture\.width=1"):
        first_layer_moment(layers("gap", width=1), "identity")
    with pytest.raises(ConfigError, match=r"no layer with weights"):
        first_layer_moment((Flatten(),), "identity")
