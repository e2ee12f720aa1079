"""The features of every layer of networks, against a hand-written pass through their modules."""

import pytest
import torch
from torch import nn

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Dense, Flatten
from geomsym.errors import ConfigError
from geomsym.geometry import ShallowMap, feature_map, feature_maps, jacobian, layer_jacobians, logits, volume
from geomsym.geometry.feature_maps import NetworkMap

SHAPE = (2, 4, 4)
FAMILIES = ["fcn", "lcn", "vec", "lap", "gap"]


def network(name: str, depth: int = 3, width: int = 5, activation: str = "tanh") -> nn.Sequential:
    return build(specs(name, 3, width=width, depth=depth, window=2, activation=activation), SHAPE, 0, torch.float64)


def points(count: int, dimension: int = 32) -> torch.Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("name", FAMILIES)
def test_layers_by_number_are_the_hidden_activations(name):
    """The default is what the readout sees: applying the readout to it gives the network's outputs."""
    model, x = network(name), points(1)[0]
    value, activations = x.reshape(1, *SHAPE), []
    for module in model[:-1]:
        value = module(value)
        if type(module).__name__ == "Activation":
            activations.append(value.flatten())
    activations[-1] = value.flatten()
    maps = feature_maps(model, SHAPE)
    assert list(maps) == [1, 2, 3]
    for phi, expected in zip(maps.values(), activations, strict=True):
        torch.testing.assert_close(phi(x), expected)
    default = feature_map(model, SHAPE)(x)
    torch.testing.assert_close(default, activations[-1])
    torch.testing.assert_close(logits(model, SHAPE)(x), model[-1](default[None])[0])


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("memory", [1.0, 1e9])
def test_one_pass_gives_the_jacobians_of_all_layers(name, memory):
    model, x = network(name), points(2)
    together = layer_jacobians(model, SHAPE, x, memory)
    assert list(together) == [1, 2, 3]
    for k, phi in feature_maps(model, SHAPE).items():
        torch.testing.assert_close(together[k], jacobian(phi, x), rtol=1e-12, atol=1e-14)


def test_the_network_stays_as_it_is():
    model = network("fcn").float().train()
    feature_map(model, SHAPE)(points(1)[0])
    assert model.training and all(p.dtype == torch.float32 and p.requires_grad for p in model.parameters())


def test_one_dense_layer_and_an_activation_have_closed_forms_and_nothing_else_has():
    assert isinstance(feature_map(network("fcn", depth=1), SHAPE), ShallowMap)
    assert isinstance(feature_map(network("fcn", depth=3), SHAPE, 1), ShallowMap)
    assert isinstance(feature_map(network("fcn", depth=3), SHAPE, 2), NetworkMap)
    assert isinstance(feature_map(network("gap", depth=1), SHAPE), NetworkMap)


def test_a_linear_network_has_the_inputs_as_features():
    model, x = build((Flatten(), Dense(3)), SHAPE, 0), points(2)
    assert feature_maps(model, SHAPE) == {} == layer_jacobians(model, SHAPE, x)
    torch.testing.assert_close(jacobian(feature_map(model, SHAPE), x), torch.eye(32).double().expand(2, -1, -1))


class Residual(nn.Module):
    """A network of another make: normalisation, dropout, a branch, and a submodule that is never called."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.GELU())
        self.drop, self.unused, self.split = nn.Dropout(0.5), nn.Linear(2, 2), nn.LSTM(4, 3)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        self.split(x[:, 0])
        x = self.stem(x)
        return self.head(self.drop(x + torch.relu(x)).mean((2, 3)))


def test_a_named_submodule_of_any_network():
    torch.manual_seed(0)
    model = Residual()
    model(torch.randn(50, *SHAPE))
    x = points(3)
    phi = feature_map(model, SHAPE, "stem.2")
    stem = model.eval().double().stem
    torch.testing.assert_close(phi(x[0]), stem(x[:1].reshape(1, *SHAPE)).flatten())
    expected = torch.stack([torch.autograd.functional.jacobian(phi, point) for point in x])
    torch.testing.assert_close(jacobian(phi, x), expected)
    assert volume(phi, x).rank.tolist() == [32, 32, 32]
    assert not any(module._forward_hooks for module in phi.network.modules())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            "stem.5",
            r"geometry\.layer=stem\.5: no such submodule: give one of the submodules stem, stem\.0.*did you mean",
        ),
        ("unused", "is not called by the network"),
        ("split", "returns tuple, no tensor"),
        (1, "only stacks of layers that end in a dense readout have numbered layers; give one of the submodules stem,"),
        (None, "geometry.layer=null"),
    ],
)
def test_layers_that_a_network_does_not_have_are_refused_with_those_it_has(layer, message):
    with pytest.raises(ConfigError, match=message):
        feature_map(Residual(), SHAPE, layer)(points(1)[0])


@pytest.mark.parametrize("layer", [0, 4, -1])
def test_numbers_beyond_the_depth_are_refused(layer):
    with pytest.raises(ConfigError, match=rf"geometry\.layer={layer}: hidden layers by number: 1 to 3"):
        feature_map(network("vec"), SHAPE, layer)
