"""The dot plot of statistics against controls: what is drawn where, and what isn't."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from geomsym.plotting import magnification

pytestmark = pytest.mark.filterwarnings("error")

MEANS = {
    "trained": 0.8,
    "initialisation": 0.1,
    "shuffled": 0.3,
    "trained - initialisation": 0.7,
    "trained - shuffled": 0.5,
}


def rows(statistics=("boundary_difference", "spearman_margin"), **changes):
    usual = {
        "data": "xor",
        "transform": "identity",
        "architecture": "fcn",
        "width": 20,
        "depth": 2,
        "activation": "sigmoid",
        "inference": "nn",
        "scan": "1a2b3c4d",
        "kind": "grid",
        "layer": "1",
        "step": "last",
        "seeds": 5,
    }
    return [
        usual | {"statistic": name, "control": control, "mean": m, "low": m - 0.1, "high": m + 0.2} | changes
        for name in statistics
        for control, m in reversed(MEANS.items())
    ]


def only(results):
    ((name, figure),) = magnification(results)
    return name, figure


def intervals(axes):
    """The lengths of the intervals drawn in a panel."""
    return [
        float(np.ptp(segment[:, 0]))
        for kind in axes.collections
        if isinstance(kind, LineCollection)
        for segment in kind.get_segments()
        if len(segment) and np.isfinite(segment).all()
    ]


def points(axes, marker):
    """Means by the height at which they are drawn."""
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return {
        round(float(y)): float(x) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }


def test_a_panel_a_statistic_and_a_row_a_control_in_their_order(measured_results):
    name, figure = only(measured_results(magnification=rows()))
    assert name == "magnification_xor_fcn_grid" and len(figure.axes) == 2
    for axes in figure.axes:
        assert points(axes, "o") == pytest.approx({0: 0.8, 1: 0.1, 2: 0.3})
        assert points(axes, "D") == pytest.approx({3: 0.7, 4: 0.5})
        assert intervals(axes) == pytest.approx([0.3] * 5)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "trained"
    assert "rank correlation" in figure.axes[1].get_title()
    assert figure.get_suptitle() == (
        "xor, FCN, width 20, depth 2, sigmoid, layer 1\n"
        "5 seeds: mean and 95 % bootstrap interval; diamonds: differences"
    )


def test_one_seed_has_no_interval_and_says_so(measured_results):
    _, figure = only(measured_results(magnification=rows(low=None, high=None, seeds=1)))
    assert all(intervals(axes) == [] for axes in figure.axes)
    assert points(figure.axes[0], "o") == pytest.approx({0: 0.8, 1: 0.1, 2: 0.3})
    assert "one seed: no interval" in figure.get_suptitle()


def test_zero_is_always_in_sight(measured_results):
    _, figure = only(measured_results(magnification=rows(mean=5.0, low=4.0, high=6.0)))
    assert all(axes.get_xlim()[0] < 0 < 6 < axes.get_xlim()[1] for axes in figure.axes)


def test_the_last_step_is_the_one_shown(measured_results):
    early = rows(step="100", mean=9.0, low=8.0, high=10.0)
    made = rows()
    start = [row | {"step": "0"} if row["control"] == "initialisation" else row for row in made]
    _, figure = only(measured_results(magnification=start + [row for row in early if row["control"] == "trained"]))
    assert points(figure.axes[0], "o") == pytest.approx({0: 0.8, 1: 0.1, 2: 0.3})


def test_settings_that_differ_are_colours_with_a_name_each(measured_results):
    _, figure = only(measured_results(magnification=rows() + rows(width=250, mean=0.0)))
    assert [entry.get_text() for entry in figure.legends[0].get_texts()] == ["width 20", "width 250"]
    assert len(intervals(figure.axes[0])) == 10 and "width" not in figure.get_suptitle()


def test_scans_that_nothing_else_tells_apart_are_named(measured_results):
    _, figure = only(measured_results(magnification=rows() + rows(scan="ffffffff")))
    assert [entry.get_text() for entry in figure.legends[0].get_texts()] == ["scan 1a2b3c4d", "scan ffffffff"]


def test_every_kind_data_set_and_architecture_has_a_figure(measured_results):
    table = rows() + rows(kind="path", path="line") + rows(data="digits") + rows(architecture="gap")
    assert [name for name, _ in magnification(measured_results(magnification=table))] == [
        "magnification_xor_fcn_grid",
        "magnification_xor_fcn_path",
        "magnification_digits_fcn_grid",
        "magnification_xor_gap_grid",
    ]


def test_positions_and_the_slices_of_grids_are_left_out(measured_results):
    names = ("spearman_margin", "peak_t", "slice_spearman_margin")
    _, grid = only(measured_results(magnification=rows(names)))
    _, path = only(measured_results(magnification=rows(names, kind="path")))
    assert (len(grid.axes), len(path.axes)) == (1, 2)


def test_an_unknown_statistic_has_its_name_and_five_panels_take_two_lines(measured_results):
    _, figure = only(measured_results(magnification=rows(("a_b", "c", "d", "e", "f"))))
    assert len(figure.axes) == 5 and figure.axes[0].get_title() == "a b"


def test_without_values_there_is_no_figure(measured_results):
    assert list(magnification(measured_results())) == []
    assert list(magnification(measured_results(magnification=rows(mean=None)))) == []
