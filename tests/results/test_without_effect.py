"""Keys without effect: runs that differ in them alone give the same numbers, to the last bit, under the same id.

Every key has a control beside which it has an effect: there other values give other numbers under another id.
"""

from dataclasses import replace

import pytest

from geomsym.config import (
    ArchitectureConfig,
    GradientDescentConfig,
    PhotoPatchesConfig,
    RunConfig,
    StackConfig,
    TransformConfig,
)
from geomsym.errors import ConfigError
from geomsym.results import canonical, run_id
from geomsym.run import run

IMAGES = PhotoPatchesConfig(image_size=4, subset_size=20, test_size=20)
RATE = GradientDescentConfig(max_steps=6, eval_every=2, learning_rate=0.05, checkpoint_steps=[0])
ADAM = replace(RATE, optimizer="adam", learning_rate=0.01)
LAMBDA_MAX = replace(RATE, learning_rate=None, ntk_samples=12)
CROSS_ENTROPY = replace(RATE, loss="cross_entropy")


def small(name="gap", inference=RATE, data=IMAGES, transform=("identity",), layers=None, **architecture):
    sizes = {"width": 4, "depth": 1} | architecture
    network = StackConfig(layers=layers, width=4) if layers else ArchitectureConfig(name, **sizes)
    return RunConfig(data, TransformConfig(*transform), network, inference, seed=3)


def architecture(key, value):
    return lambda cfg: replace(cfg, architecture=replace(cfg.architecture, **{key: value}))


def inference(key, value):
    return lambda cfg: replace(cfg, inference=replace(cfg.inference, **{key: value}))


def transform(key, value):
    return lambda cfg: replace(cfg, transform=replace(cfg.transform, **{key: value}))


def zca(value):
    return lambda cfg: replace(cfg, data=replace(cfg.data, zca_regularization=value))


POOLED = ["conv", "relu", "pool", "flatten"]
CASES = {
    "window of fcn": (architecture("window", 2), small("fcn"), small("lap")),
    "window of lcn": (architecture("window", 2), small("lcn"), small(layers=POOLED)),
    "window of vec": (architecture("window", 2), small("vec"), small("lap")),
    "window of gap": (architecture("window", 2), small("gap"), small("lap")),
    "kernel size of fcn": (architecture("kernel_size", 1), small("fcn"), small("vec")),
    "padding of fcn": (architecture("padding", "zero"), small("fcn"), small("lcn")),
    "seed of the identity": (transform("seed", 8), small(), small(transform=("pixel_rotation",))),
    "the run's own seed": (transform("seed", 3), small(transform=("pixel_rotation",)), None),
    "zca without zca": (zca(5.0), small(), small(data=replace(IMAGES, preprocess="zca"))),
    "zca with standardize": (
        zca(5.0),
        small(data=replace(IMAGES, preprocess="standardize")),
        small(data=replace(IMAGES, preprocess="zca")),
    ),
    "factor of a given rate": (inference("learning_rate_factor", 2.0), small(), small(inference=LAMBDA_MAX)),
    "samples of a given rate": (inference("ntk_samples", 5), small(), small(inference=LAMBDA_MAX)),
    "draws of a given rate": (inference("ntk_draws", 1), small(), small(inference=LAMBDA_MAX)),
    "outputs of a given rate": (inference("ntk_outputs", "all"), small(), small(inference=LAMBDA_MAX)),
    "momentum of adam": (inference("momentum", 0.1), small(inference=ADAM), small()),
    "targets of the cross-entropy": (inference("targets", "one_hot"), small(inference=CROSS_ENTROPY), small()),
}
"""A change, a run on which it has no effect, and one on which it has, where there is one."""


def numbers(cfg):
    """Everything that a run gives."""
    fit = run(cfg).fit
    weights = {step: {name: w.tolist() for name, w in state.items()} for step, state in fit.checkpoints.items()}
    return repr((fit.status, fit.metrics, fit.curve, weights))


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_effect_is_no_part_of_the_identity(case):
    change, without, _ = CASES[case]
    assert numbers(change(without)) == numbers(without) == numbers(canonical(without))
    assert run_id(change(without)) == run_id(without)


@pytest.mark.parametrize("case", [name for name, (_, _, control) in CASES.items() if control])
def test_the_same_change_is_another_run_where_it_has_an_effect(case):
    change, _, control = CASES[case]
    assert numbers(change(control)) != numbers(control)
    assert run_id(change(control)) != run_id(control)


def test_the_identity_has_no_strength():
    """So that no run of it has one, and none needs to be told from others."""
    with pytest.raises(ConfigError, match=r"transform\.strength=0\.5: no path leads from the identity into identity"):
        run(small(transform=("identity", 0.5)))


def test_a_stack_has_no_depth_but_that_of_its_layers():
    with pytest.raises(ConfigError, match=r"architecture\.depth=2: give 1, the number of hidden ones"):
        StackConfig(layers=POOLED, depth=2)
