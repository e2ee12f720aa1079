"""Axes: how they are read, overridden, multiplied, and written in the override grammar."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomsym.cli.compose import _parser
from geomsym.errors import ConfigError
from geomsym.sweep import expand, literal, override_axes, overrides, read_axes

WIDTHS = [{"architecture": "fcn", "architecture.width": "64"}, {"architecture": "gap", "architecture.width": "8"}]
LAPS = [
    {"architecture": "lap", "architecture.window": "2"},
    {"architecture": "lap", "architecture.window": "4"},
    {"architecture": "gap"},
]


def test_an_axis_is_a_list_of_values_of_its_key_or_of_mappings():
    axes = {"seed": [0, 1], "arch": [{"architecture": "gap", "architecture.width": 8}, {"architecture": "a b"}]}
    assert read_axes(axes) == {
        "seed": [{"seed": "0"}, {"seed": "1"}],
        "arch": [{"architecture": "gap", "architecture.width": "8"}, {"architecture": "'a b'"}],
    }


def test_an_axis_may_mix_values_and_mappings():
    axes = {"architecture": ["vec", {"architecture": "gap", "architecture.width": 8}]}
    assert read_axes(axes)["architecture"] == [
        {"architecture": "vec"},
        {"architecture": "gap", "architecture.width": "8"},
    ]


@pytest.mark.parametrize("values", [3, None, "gap", [], {"gap": 1}])
def test_what_is_no_list_of_values_is_refused_under_its_key(values):
    with pytest.raises(ConfigError, match=r"^axes\.seed=.*: give a list of values, as in axes\.seed=\[a,b\]$"):
        read_axes({"seed": values})


def test_a_value_selects_its_points_with_all_that_belongs_to_them():
    assert override_axes({"architecture": WIDTHS}, "architecture", ["gap"]) == {"architecture": [WIDTHS[1]]}
    assert override_axes({"architecture": LAPS}, "architecture", ["gap", "lap"]) == {
        "architecture": [LAPS[2], LAPS[0], LAPS[1]]
    }


def test_a_new_value_is_a_point_of_its_own():
    assert override_axes({"architecture": WIDTHS}, "architecture", ["vec", "fcn"]) == {
        "architecture": [{"architecture": "vec"}, WIDTHS[0]]
    }


def test_a_detail_leaves_the_points_and_becomes_an_axis():
    assert override_axes({"architecture": WIDTHS}, "architecture.width", ["1", "2"]) == {
        "architecture": [{"architecture": "fcn"}, {"architecture": "gap"}],
        "architecture.width": [{"architecture.width": "1"}, {"architecture.width": "2"}],
    }


def test_points_that_differed_in_a_detail_alone_become_one_without_it():
    assert override_axes({"architecture": LAPS}, "architecture.window", ["8"]) == {
        "architecture": [{"architecture": "lap"}, {"architecture": "gap"}],
        "architecture.window": [{"architecture.window": "8"}],
    }


def test_an_axis_of_a_detail_is_replaced():
    axes = {"architecture.width": [{"architecture.width": "1"}, {"architecture.width": "2"}]}
    assert override_axes(axes, "architecture.width", ["2", "3"]) == {
        "architecture.width": [{"architecture.width": "2"}, {"architecture.width": "3"}]
    }


def test_a_key_that_no_axis_has_becomes_one_and_leaves_the_others():
    axes = {"architecture": WIDTHS}
    assert override_axes(axes, "seed", ["0", "1"]) == axes | {"seed": [{"seed": "0"}, {"seed": "1"}]}


def test_a_key_that_merely_begins_like_another_is_no_detail_of_it():
    axes = {"pairs": [{"seed": "1", "data.seed": "5"}]}
    assert override_axes(axes, "data.seed", ["7"]) == {"pairs": [{"seed": "1"}], "data.seed": [{"data.seed": "7"}]}


def test_overrides_are_the_product_in_order_group_choices_first():
    axes = {
        "l2": [{"inference.l2": "0"}],
        "architecture": [{"architecture.width": "8", "architecture": "gap"}, {"architecture": "vec"}],
        "seed": [{"seed": "0"}, {"seed": "1"}],
    }
    assert overrides(axes) == [
        ["architecture=gap", "seed=0", "inference.l2=0", "architecture.width=8"],
        ["architecture=gap", "seed=1", "inference.l2=0", "architecture.width=8"],
        ["architecture=vec", "seed=0", "inference.l2=0"],
        ["architecture=vec", "seed=1", "inference.l2=0"],
    ]


def test_of_two_axes_with_one_key_the_later_counts():
    axes = {"architecture": [WIDTHS[0]], "width": [{"architecture.width": "3"}]}
    assert overrides(axes) == [["architecture=fcn", "architecture.width=3"]]


def test_without_axes_there_is_one_run():
    assert overrides({}) == [[]]


def test_expansion_keeps_the_order_and_each_run_once():
    axes = read_axes({"seed": [2, 0, 2, 1]})
    assert expand(axes, compose=lambda point: {"seed": point}) == [{"seed": [f"seed={k}"]} for k in (2, 0, 1)]


TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")))
NUMBERS = st.integers() | st.floats(allow_nan=False)
VALUES = st.recursive(st.none() | st.booleans() | NUMBERS | TEXT, lambda inner: st.lists(inner, max_size=3))
HARD = [1e-7, 1e22, -0.0, float("inf"), "", "null", "True", "1", "-5", "1e5", "1_000", "inf", "it's", '"', "a\\", "\\'"]
HARD += [
    "/a b/c.npz",
    "C:\\d\\",
    "a,b",
    "[1]",
    "{a:1}",
    "x=y",
    "~",
    "*",
    "(",
    "range(3)",
    "é",
    "²",
    " a ",
    "#",
    "%",
    "@",
]
HARD += [[[], ["null", [None, "a, b"]], "]"]]


def read_back(text):
    override = _parser().parse_override(f"key={text}")
    assert not override.is_sweep_override()
    return override.value()


@pytest.mark.parametrize("value", HARD, ids=repr)
def test_hard_values_survive_the_override_grammar(value):
    assert repr(read_back(literal(value))) == repr(value)


@settings(deadline=None, max_examples=150)
@given(VALUES)
def test_values_survive_the_override_grammar(value):
    assert repr(read_back(literal(value))) == repr(value)


@settings(deadline=None, max_examples=50)
@given(st.lists(VALUES, min_size=2, max_size=3))
def test_values_survive_as_items_of_a_sweep(values):
    sweep = _parser().parse_override(f"key={','.join(literal(value) for value in values)}")
    assert [repr(read_back(item)) for item in sweep.sweep_string_iterator()] == [repr(value) for value in values]


def test_words_stay_as_they_are():
    assert [literal(word) for word in ("gap", "nn_plus", "a-b", "Null_")] == ["gap", "nn_plus", "a-b", "Null_"]


def test_mappings_are_written_too():
    value = {"architecture": "gap", "architecture.width": 8, "list": [1, "a b"]}
    parsed = read_back(literal(value))
    assert isinstance(parsed, Mapping) and parsed == value


def test_other_things_are_refused():
    with pytest.raises(ConfigError, match=r"^axes=.*: give numbers, strings, booleans, null or lists of them$"):
        literal({1, 2})
