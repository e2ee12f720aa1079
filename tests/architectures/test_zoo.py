"""The registry of families: names, labels, settings that reach the layers, and the paper's six models."""

from dataclasses import replace
from math import sqrt

import pytest
import torch

from geomsym.architectures import ARCHITECTURES, architecture_specs, build, specs
from geomsym.architectures.layer_specs import Activation, AveragePool, Conv, Dense, LocallyConnected
from geomsym.config import ArchitectureConfig
from geomsym.errors import ConfigError
from geomsym.inference.losses import objective


def test_the_families_are_the_papers():
    assert set(ARCHITECTURES) == {"fcn", "lcn", "vec", "lap", "gap"}


def test_an_unknown_family_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"architecture\.name=gpa: not one of .*; did you mean 'gap'\?"):
        specs("gpa")


def test_an_unknown_activation_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"architecture\.activation=rellu: .*did you mean 'relu'\?"):
        specs("gap", activation="rellu")


@pytest.mark.parametrize(
    ("name", "window", "expected"),
    [("lap", 4, "lap4"), ("lap", 8, "lap8"), ("gap", 4, "gap"), ("vec", 2, "vec"), ("fcn", 4, "fcn")],
)
def test_labels_tell_the_window_of_lap_only(name, window, expected):
    assert ArchitectureConfig(name, window=window).label == expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_settings_reach_every_layer(name):
    cfg = ArchitectureConfig(name, 7, 3, "erf", 5, "zero", 2, 1.5, 0.2, "uniform")
    layers = architecture_specs(cfg, outputs=6)
    hidden = [spec for spec in layers[:-1] if isinstance(spec, Dense | Conv)]
    kind = {"fcn": Dense, "lcn": LocallyConnected}.get(name, Conv)
    assert [type(spec) for spec in hidden] == [kind] * 3
    assert [spec.init for spec in hidden] == ["uniform", "gaussian", "gaussian"]
    assert {(spec.width, spec.w_variance, spec.b_variance) for spec in hidden} == {(7, 1.5, 0.2)}
    assert layers[-1] == Dense(6, 1.5, 0.2)
    assert [spec.name for spec in layers if isinstance(spec, Activation)] == ["erf"] * 3
    assert [spec.window for spec in layers if isinstance(spec, AveragePool)] == [2] * (name == "lap")
    if name != "fcn":
        assert {(spec.kernel_size, spec.padding) for spec in hidden} == {(5, "zero")}


def test_specs_by_keyword_have_the_configs_defaults():
    assert specs("lap", outputs=4, width=9) == architecture_specs(ArchitectureConfig("lap", width=9), 4)
    assert specs("gap")[-1] == Dense(10, 2.0, 0.01)
    assert replace(specs("vec")[0], width=1) == Conv(1, 2.0, 0.01, "gaussian", 3, "circular")


SIX = {
    "fcn": {"width": 1024},
    "lcn": {"width": 32},
    "vec": {"width": 128},
    "gap": {"width": 128},
    "lap4": {"width": 128, "window": 4},
    "lap8": {"width": 128, "window": 8},
}


@pytest.mark.slow
@pytest.mark.parametrize(("model", "settings"), SIX.items())
def test_a_step_of_the_papers_models_changes_every_parameter_and_lowers_the_loss(model, settings):
    """A step of η = 1 % of L/|∇L|² lowers the loss L by 1 %, up to second order."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 3, 32, 32, generator=generator), torch.arange(40) % 10
    network = build(specs(model[:3], depth=8, **settings), (3, 32, 32))
    loss_of = objective("mse", "centered")
    loss = loss_of(network(x), y)
    loss.backward()
    parameters = list(network.parameters())
    assert all((p.grad != 0).any() for p in parameters)
    norm = sqrt(sum(float(p.grad.double().square().sum()) for p in parameters))
    with torch.no_grad():
        for p in parameters:
            before = p.clone()
            p -= 0.01 * loss / norm**2 * p.grad
            assert not torch.equal(p, before)
        fall = 1 - float(loss_of(network(x), y) / loss)
    assert fall == pytest.approx(0.01, rel=0.2)
