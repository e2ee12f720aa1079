"""The groups of Theorem 4.1, written out as the paper lists them."""

import pytest

from geomsym.architectures import specs
from geomsym.errors import ConfigError
from geomsym.theory.invariant_groups import SHARED, Penalty, infinite_groups, invariant, invariant_groups
from geomsym.transforms import GROUPS


def layers(name: str):
    return specs(name, 3, width=6, depth=2, window=2)


def test_groups_are_those_of_the_paper():
    """Written out, as Xiao & Pennington (2022) list them."""
    pixelwise = {"identity", "shared_rotation", "shared_permutation", "pixel_rotation", "pixel_permutation"}
    assert set(invariant_groups(layers("fcn"))) == set(GROUPS) and len(GROUPS) == 7
    assert set(invariant_groups(layers("lcn"))) == pixelwise
    for name in ("vec", "lap", "gap"):
        assert set(invariant_groups(layers(name))) == {"identity", "shared_rotation", "shared_permutation"}
    assert set(infinite_groups(layers("vec"))) == set(infinite_groups(layers("lcn"))) == pixelwise
    assert set(infinite_groups(layers("gap"))) == set(infinite_groups(layers("lap"))) == set(SHARED)
    assert set(infinite_groups(layers("fcn"))) == set(GROUPS)


def test_algorithms_that_act_on_weights_one_by_one_keep_permutations():
    lcn = layers("lcn")
    assert invariant(lcn, "pixel_permutation", "adam") and not invariant(lcn, "pixel_rotation", "adam")
    assert invariant(lcn, "pixel_rotation", penalty=Penalty(2, 1.0))
    assert not invariant(lcn, "pixel_rotation", penalty=Penalty(1, 1.0))
    assert not invariant(lcn, "pixel_rotation", init="uniform") and not invariant(lcn, "global_permutation", "adam")


def test_penalties_without_a_slope_are_refused():
    with pytest.raises(ConfigError, match=r"penalty\.power=0\.5"):
        Penalty(0.5, 1.0)
    with pytest.raises(ConfigError, match=r"penalty\.strength=-1"):
        Penalty(2, -1)
