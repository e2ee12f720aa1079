"""Theorem 3.1 as rows of the table, for networks of any layers."""

import pytest
import torch

from geomsym.architectures import specs
from geomsym.errors import ConfigError
from geomsym.theory import INCLUSIONS
from geomsym.theory import inclusion as module
from geomsym.theory.inclusion import check_inclusion, inclusions_of

IMAGES = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
LARGER = {"gap": ["vec_n"], "lap": ["vec_n"], "vec": ["lcn_n"], "lcn": ["vec_d·n", "fcn_d·n"]}


@pytest.mark.parametrize("family", LARGER)
def test_a_network_is_embedded_in_every_larger_family(family):
    rows = list(inclusions_of(specs(family, 4, width=3, depth=3, window=2), IMAGES))
    assert [row.architecture for row in rows] == [f"{family}_n ⊆ {larger}" for larger in LARGER[family]]
    assert all(row.verdict == "holds" and 0 < row.deviation < 1e-10 == row.tolerance for row in rows)


def test_an_embedding_that_computes_something_else_is_broken():
    gap_in_vec = INCLUSIONS[0]
    layers = specs("gap", 4, width=3, depth=2)

    def wrong(network, layer_specs, shape):
        embedded = gap_in_vec.embed(network, layer_specs, shape)
        with torch.no_grad():
            embedded.network[0].weight.mul_(1.01)
        return embedded

    item = type(gap_in_vec)("gap", "vec", "n", wrong, gap_in_vec.law)
    assert check_inclusion(item, layers, IMAGES.double()).verdict == "BROKEN"
    assert check_inclusion(gap_in_vec, layers, IMAGES.double()).verdict == "holds"


def test_networks_of_no_smaller_family_are_refused():
    for layers in (specs("fcn", 4, width=3, depth=2), specs("stack", 4, layers=["conv", "flatten"])):
        with pytest.raises(ConfigError, match=r"none of the smaller families of Theorem 3\.1: give gap"):
            list(inclusions_of(layers, IMAGES))


def test_networks_too_large_for_the_memory_are_refused_with_their_size(monkeypatch):
    """16 positions: 16²·3·3·9 weights of a layer of three units above three channels, twice."""
    layers = specs("lcn", 4, width=3, depth=2)
    monkeypatch.setattr(module, "main_memory", lambda: 24 * 41_472 - 1)
    with pytest.raises(ConfigError, match=r"architecture\.width=3: VEC of width d·n has 41,472 weights"):
        list(inclusions_of(layers, IMAGES))
    monkeypatch.setattr(module, "main_memory", lambda: 24 * 41_472)
    assert len(list(inclusions_of(layers, IMAGES))) == 2
