"""Shapes through every layer and family, and the errors where layers and images don't fit together."""

import pytest

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LocallyConnected,
    shapes,
)
from geomsym.errors import ConfigError

IMAGE = (3, 4, 6)
LAYERS = [
    (Conv(5), IMAGE, (5, 4, 6)),
    (Conv(5, kernel_size=1), IMAGE, (5, 4, 6)),
    (Conv(5, kernel_size=5, padding="zero"), IMAGE, (5, 4, 6)),
    (LocallyConnected(7), IMAGE, (7, 4, 6)),
    (AveragePool(2), IMAGE, (3, 2, 3)),
    (AveragePool(1), IMAGE, IMAGE),
    (GlobalAveragePool(), IMAGE, (3,)),
    (Flatten(), IMAGE, (72,)),
    (Dense(10), (72,), (10,)),
    (Activation("erf"), IMAGE, IMAGE),
    (Activation("erf"), (72,), (72,)),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), LAYERS)
def test_a_layer_maps_shapes(layer, shape, expected):
    assert shapes((layer,), shape) == [shape, expected]


FAMILIES = {
    "fcn": [IMAGE, (72,), (5,), (5,), (5,), (5,), (10,)],
    "lcn": [IMAGE, (5, 4, 6), (5, 4, 6), (5, 4, 6), (5, 4, 6), (120,), (10,)],
    "vec": [IMAGE, (5, 4, 6), (5, 4, 6), (5, 4, 6), (5, 4, 6), (120,), (10,)],
    "lap": [IMAGE, (5, 4, 6), (5, 4, 6), (5, 4, 6), (5, 4, 6), (5, 2, 3), (30,), (10,)],
    "gap": [IMAGE, (5, 4, 6), (5, 4, 6), (5, 4, 6), (5, 4, 6), (5,), (10,)],
}


@pytest.mark.parametrize(("name", "expected"), FAMILIES.items())
def test_a_family_maps_shapes(name, expected):
    assert shapes(specs(name, width=5, depth=2, window=2), IMAGE) == expected


@pytest.mark.parametrize("window", [3, 4, 5, 7])
def test_a_window_that_does_not_divide_is_answered_with_those_that_do(window):
    with pytest.raises(ConfigError, match=r"architecture\.window=.*4×6 image: give one of 1, 2$"):
        shapes((AveragePool(window),), IMAGE)


@pytest.mark.parametrize("kind", [Conv, LocallyConnected])
def test_a_circular_filter_may_reach_once_around_but_no_further(kind):
    assert shapes((kind(5, kernel_size=9),), IMAGE)[-1] == (5, 4, 6)
    with pytest.raises(ConfigError, match=r"architecture\.kernel_size=11: .*4×6 image: give at most 9$"):
        shapes((kind(5, kernel_size=11),), IMAGE)
    assert shapes((kind(5, kernel_size=11, padding="zero"),), IMAGE)[-1] == (5, 4, 6)


def test_a_dense_layer_on_an_image_is_refused():
    with pytest.raises(ConfigError, match=r"needs a vector.*\[3, 4, 6\]: flatten or pool first"):
        shapes((Dense(10),), IMAGE)


@pytest.mark.parametrize(
    "layer", [Conv(5), LocallyConnected(5), Flatten(), AveragePool(1), GlobalAveragePool()], ids=str
)
def test_image_layers_on_a_vector_are_refused(layer):
    with pytest.raises(ConfigError, match=r"needs an image \[c, h, w\], but its input has shape \[72\]"):
        shapes((layer,), (72,))


def test_specs_are_values():
    assert specs("gap", width=5) == specs("gap", width=5) != specs("gap", width=6)
    assert len({specs("gap"), specs("gap"), specs("vec")}) == 2
