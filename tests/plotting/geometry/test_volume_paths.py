"""Curves along paths against tables whose peak and crossing are known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from geomsym.plotting import style, volume_paths
from geomsym.plotting.geometry.volume_paths import crossings, mean_curve

pytestmark = pytest.mark.filterwarnings("error")

STEPS, BOUNDARY = (0, 1, 10, 100), 0.3
"""Of the fixture `geometry_rows`."""

T = np.linspace(0, 1, 11)


def anchors(points, run_id="000000000000"):
    run = {"run_id": run_id, "scan": "scanpath", "split": "test"}
    return [run | {"anchor": k, "index": k, "t": t, "label": y} for k, (t, y) in enumerate(points)]


def only(results):
    ((name, figure),) = volume_paths(results)
    return name, figure


def curves(axes):
    """The lines that aren't vertical, in the order drawn."""
    return [line for line in axes.lines if len(line.get_xdata()) == 11]


def verticals(axes):
    return [float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 2]


def several(measured_results, geometry_rows, ends=(100, 100, 100)):
    """Seeds whose log-volume is higher by their number; each ends at a step of its own."""
    ids = [f"{k:012x}" for k in range(len(ends))]
    rows = []
    for k, (name, end) in enumerate(zip(ids, ends, strict=True)):
        made = geometry_rows("path", name, steps=(0, 10, end))
        rows += [row | {"log_volume": row["log_volume"] + k} for row in made]
    samples = [row for name in ids for row in anchors([(0.0, 4), (1.0, 2)], name)]
    runs = [{"run_id": name, "seed": k} for k, name in enumerate(ids)]
    return measured_results(rows, anchors=samples, runs=runs)


def test_a_path_has_its_volumes_the_entropy_and_a_strip(measured_results, geometry_rows):
    name, figure = only(measured_results(geometry_rows("path"), anchors=anchors([(0.0, 4), (1.0, 2)])))
    assert name == "volume_path_xor_fcn_1_000000000000_scanpath"
    volume, on_path, entropy, strip, bar = figure.axes
    assert [len(curves(axes)) for axes in (volume, on_path, entropy)] == [len(STEPS)] * 3
    for line, step in zip(curves(volume), STEPS, strict=True):
        assert line.get_xdata() == pytest.approx(T)
        assert line.get_ydata() == pytest.approx(2 + step / 100 - abs(T - BOUNDARY))
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0", "1", "10", "100"]
    assert "straight line" in figure.get_suptitle() and "seed 0" in figure.get_suptitle()
    assert {"4", "2"} < {text.get_text() for text in strip.texts}


def test_the_crossing_is_marked_in_every_panel(measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("path")))
    for axes in figure.axes[:3]:
        assert verticals(axes) == pytest.approx([BOUNDARY])


def test_a_crossing_is_where_the_margins_vanish():
    table = pd.DataFrame({"t": [1.0, 0.0, 2.0, 3.0], "predicted_class": [1, 0, 1, 0], "margin": [3.0, 1.0, 0.0, 0.0]})
    assert crossings(table) == pytest.approx([0.25, 2.5])
    assert crossings(table.assign(margin=np.nan)) == pytest.approx([0.5, 2.5])
    assert len(crossings(table.assign(predicted_class=1))) == 0


def test_the_strip_has_the_colours_of_the_last_predictions(measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("path")))
    (mesh,) = [kind for kind in figure.axes[3].collections if hasattr(kind, "get_coordinates")]
    expected = [to_rgb(style.class_color(int(t > BOUNDARY))) for t in T]
    assert np.asarray(mesh.get_array()).reshape(-1, 3) == pytest.approx(np.array(expected))


def test_a_volume_of_the_slice_that_was_not_measured_has_no_panel(measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("path", slice_log_volume=None)))
    assert len(figure.axes) == 4


def test_several_seeds_are_thin_lines_with_a_thick_mean_at_both_ends(measured_results, geometry_rows):
    _, figure = only(several(measured_results, geometry_rows))
    left, right = figure.axes[0], figure.axes[1]
    assert (left.get_title(), right.get_title()) == ("seed 0", "3 seeds and their mean:\ninitialisation and last step")
    assert len(curves(left)) == 3 and len(curves(right)) == 2 * (3 + 1)
    means = [line for line in curves(right) if line.get_linewidth() > 2]
    for line, step in zip(means, (0, 100), strict=True):
        assert line.get_ydata() == pytest.approx(3 + step / 100 - abs(T - BOUNDARY))
    assert verticals(right) == pytest.approx([BOUNDARY] * 3)


def test_seeds_that_stopped_at_different_steps_are_taken_at_their_own_last_one(measured_results, geometry_rows):
    _, figure = only(several(measured_results, geometry_rows, ends=(100, 200, 300)))
    _, mean = [line for line in curves(figure.axes[1]) if line.get_linewidth() > 2]
    assert mean.get_ydata() == pytest.approx(3 + 2 - abs(T - BOUNDARY))
    assert [text.get_text() for text in figure.axes[-1].get_yticklabels()] == ["0", "10", "100"]


def test_samples_that_differ_between_seeds_stand_by_the_first_seed_alone(measured_results, geometry_rows):
    results = several(measured_results, geometry_rows)
    shared = [len(axes.texts) for axes in only(results)[1].axes[6:8]]
    results.anchors.loc[results.anchors.run_id == f"{1:012x}", "label"] = 9
    assert [len(axes.texts) for axes in only(results)[1].axes[6:8]] == [shared[0], 0] and shared[1] == 2


def test_many_samples_are_dots_without_text(measured_results, geometry_rows):
    rows = geometry_rows("path", path="data", predicted_class=None)
    _, figure = only(measured_results(rows, anchors=anchors([(t, 1) for t in T])))
    assert len(figure.axes[3].texts) == 0 and "neighbouring samples" in figure.get_suptitle()


def test_a_mean_of_curves_on_different_points_is_linear_between_them():
    t, y = mean_curve(
        [(np.array([0.0, 1.0]), np.array([0.0, 2.0])), (np.array([0.0, 0.5, 1.0]), np.array([0.0, 3.0, 0.0]))]
    )
    assert t == pytest.approx([0, 0.5, 1]) and y == pytest.approx([0, 2, 1])


def test_a_single_step_needs_no_bar(measured_results, geometry_rows):
    assert len(only(measured_results(geometry_rows("path", steps=(0,))))[1].axes) == 4


def test_other_scans_have_no_such_figure(measured_results, geometry_rows):
    assert list(volume_paths(measured_results(geometry_rows("grid")))) == list(volume_paths(measured_results())) == []
    dead = {"log_volume": None, "slice_log_volume": None, "entropy": None}
    assert list(volume_paths(measured_results(geometry_rows("path", **dead)))) == []
