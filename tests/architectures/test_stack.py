"""Networks of one's own, from words."""

import pytest
import torch

from geomsym.architectures import architecture_specs, build, specs
from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LocallyConnected,
)
from geomsym.architectures.stack import LAYERS
from geomsym.config import WEIGHTED_LAYERS, ArchitectureConfig, StackConfig
from geomsym.errors import ConfigError
from geomsym.kernels import kernel_matrices


def stack(*layers: str, **settings):
    return architecture_specs(StackConfig(layers=list(layers), **settings), 10)


def test_every_word_makes_its_layer():
    made = stack("local:4", "activation", "conv:8:5", "tanh", "pool:2", "flatten", "dense:7", "relu", activation="erf")
    assert made == (
        LocallyConnected(4),
        Activation("erf"),
        Conv(8, kernel_size=5),
        Activation("tanh"),
        AveragePool(2),
        Flatten(),
        Dense(7),
        Activation("relu"),
        Dense(10),
    )
    assert stack("global_pool", "dense:3")[0] == GlobalAveragePool()


def test_numbers_left_out_are_those_of_the_config():
    settings = {"width": 5, "kernel_size": 7, "window": 3, "padding": "zero", "w_variance": 1.5, "b_variance": 0.2}
    made = stack("conv", "pool", "flatten", "dense", first_layer_init="uniform", **settings)
    assert made[0] == Conv(5, 1.5, 0.2, "uniform", kernel_size=7, padding="zero")
    assert made[1] == AveragePool(3) and made[3] == Dense(5, 1.5, 0.2)


@pytest.mark.parametrize(
    ("family", "layers"),
    [
        ("fcn", ["flatten", "dense", "relu", "dense", "relu"]),
        ("lcn", ["local", "relu", "local", "relu", "flatten"]),
        ("vec", ["conv", "relu", "conv", "relu", "flatten"]),
        ("lap", ["conv", "relu", "conv", "relu", "pool", "flatten"]),
        ("gap", ["conv", "relu", "conv", "relu", "global_pool"]),
    ],
)
def test_the_families_of_the_paper_are_stacks(family, layers):
    cfg = StackConfig(layers=layers, width=6, window=2)
    assert architecture_specs(cfg, 3) == specs(family, 3, width=6, depth=2, window=2)
    assert (cfg.depth, cfg.label) == (2, "stack")


def test_a_stack_can_be_built_and_has_kernels():
    made, x = stack("conv:4", "relu", "flatten", "dense:6", "relu"), torch.randn(3, 2, 4, 4, dtype=torch.float64)
    assert build(made, (2, 4, 4), 0, torch.float64)(x).shape == (3, 10)
    K = kernel_matrices(made, x).nngp
    assert K.shape == (3, 3) and torch.linalg.eigvalsh(K).min() > 0


def test_the_words_with_weights_are_those_that_count_as_hidden_layers():
    weighted = [word for word in LAYERS if hasattr(LAYERS[word][0](StackConfig(layers=["conv"])), "width")]
    assert tuple(weighted) == WEIGHTED_LAYERS


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["cnv:3", "conv"], r"architecture\.layers=cnv:3: not one of .*did you mean 'conv'"),
        (["conv:3:4"], r"architecture\.layers=conv:3:4: give an odd number"),
        (["conv:0"], r"architecture\.layers=conv:0: give conv:WIDTH:KERNEL_SIZE, whole numbers of at least 1"),
        (["dense:3:3"], r"architecture\.layers=dense:3:3: give dense:WIDTH, whole"),
        (["conv", "relu:3"], r"architecture\.layers=relu:3: give relu$"),
        (["conv:x"], r"architecture\.layers=conv:x: give conv:WIDTH:KERNEL_SIZE"),
        (["flatten", "relu"], r"architecture\.layers=\[flatten,relu\]: give a list with at least one of conv, local"),
        ([], r"architecture\.layers=\[\]: give a list with at least one of"),
    ],
)
def test_mistakes(layers, message):
    with pytest.raises(ConfigError, match=message):
        stack(*layers)


def test_the_depth_follows_from_the_layers():
    with pytest.raises(ConfigError, match=r"architecture\.depth=3: give 1, the number of hidden ones"):
        StackConfig(layers=["conv", "flatten"], depth=3)
    assert StackConfig(layers=["conv", "flatten"], depth=1).depth == 1


def test_stacks_by_keyword():
    assert specs("stack", 4, layers=["conv:2", "relu", "flatten"]) == (Conv(2), Activation("relu"), Flatten(), Dense(4))


def test_other_configs_have_no_layers():
    with pytest.raises(ConfigError, match=r"architecture\.name=stack: not one of fcn, gap"):
        architecture_specs(ArchitectureConfig("stack"), 3)
