"""Which pairs of positions a readout averages over."""

import pytest
import torch

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import AveragePool, Conv, Dense, Flatten
from geomsym.errors import ConfigError
from geomsym.kernels.readout import Window, pair_weights, split_at_readout

WINDOWS = [((4, 6), (1, 1)), ((4, 6), (2, 2)), ((4, 6), (2, 3)), ((4, 6), (4, 6)), ((3, 3), (3, 3)), ((6, 4), (3, 1))]


@pytest.mark.parametrize(("size", "window"), WINDOWS)
@pytest.mark.parametrize("circular", [True, False])
def test_weights_are_those_of_all_pairs_inside_windows(size, window, circular):
    """The slow way: enumerate all pairs of positions."""
    h, w = size
    expected = {}
    for a in range(h):
        for b in range(w):
            for a2 in range(h):
                for b2 in range(w):
                    if a // window[0] == a2 // window[0] and b // window[1] == b2 // window[1]:
                        delta = ((a2 - a) % h, (b2 - b) % w) if circular else (a2 - a, b2 - b)
                        plane = expected.setdefault(delta, torch.zeros(h, w, dtype=torch.float64))
                        plane[a, b] += 1 / (h * w * window[0] * window[1])
    weights = pair_weights(Window(*window), size, circular)
    assert set(weights) == set(expected)
    for delta, plane in expected.items():
        torch.testing.assert_close(weights[delta], plane, rtol=1e-15, atol=0)
    assert float(sum(plane.sum() for plane in weights.values())) == pytest.approx(1, abs=1e-14)


def test_the_number_of_displacements():
    """VEC needs one, windows of p need (2p − 1)², global pooling h·w where planes are periodic."""
    assert len(pair_weights(Window(1, 1), (32, 32), True)) == 1
    assert len(pair_weights(Window(4, 4), (32, 32), True)) == 49
    assert len(pair_weights(Window(8, 8), (8, 8), True)) == 64
    assert len(pair_weights(Window(8, 8), (8, 8), False)) == 225


def test_families_are_split_at_their_readout():
    for name, window in (("fcn", (1, 1)), ("vec", (1, 1)), ("lap", (2, 2)), ("gap", (4, 8))):
        body, found, head = split_at_readout(specs(name, depth=2, window=2), (4, 8))
        assert found == Window(*window) and isinstance(head[-1], Dense)
        assert len(body) == (0 if name == "fcn" else 4)


@pytest.mark.parametrize("layers", [(AveragePool(2), Conv(8), Flatten()), (Conv(8),), (AveragePool(2),)])
def test_other_readouts_are_refused(layers):
    with pytest.raises(ConfigError, match="kernel"):
        split_at_readout(layers, (4, 4))
