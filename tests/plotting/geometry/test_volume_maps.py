"""Maps of volume and curvature against tables whose peak and boundary are known, and the films of them."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.contour import ContourSet
from matplotlib.patches import Polygon
from PIL import Image

from geomsym.plotting import save, style, volume_animations, volume_maps
from geomsym.plotting.geometry.maps import raster
from geomsym.plotting.geometry.volume_maps import evenly

pytestmark = pytest.mark.filterwarnings("error")

STEPS, BOUNDARY = (0, 1, 10, 100), 0.3
"""Of the fixture `geometry_rows`."""

CORNERS = [(-0.5, -0.5, 3), (0.8, -0.5, 7), (0.0, 0.7, 9)]


def anchors(kind, points):
    run = {"run_id": "000000000000", "scan": f"scan{kind}", "split": "train"}
    return [run | {"anchor": k, "index": k, "u": u, "v": v, "label": y} for k, (u, v, y) in enumerate(points)]


def only(results):
    ((name, figure),) = volume_maps(results)
    return name, figure


def maps(figure):
    """The panels that hold an image, so not those of the scales of colours."""
    return [axes for axes in figure.axes if axes.images]


def limits(figure):
    return [axes.images[0].get_clim() for axes in maps(figure)]


def boundary(axes):
    """The points of the decision boundary."""
    lines = [kind for kind in axes.collections if isinstance(kind, ContourSet)]
    return np.concatenate([path.vertices for line in lines for path in line.get_paths()]) if lines else np.zeros((0, 2))


def test_a_grid_has_a_row_a_quantity_and_a_column_a_step(measured_results, geometry_rows):
    name, figure = only(measured_results(geometry_rows("grid")))
    assert name == "volume_map_xor_fcn_1_000000000000_scangrid"
    assert len(maps(figure)) == 2 * len(STEPS)
    assert [axes.get_title() for axes in maps(figure)[:4]] == ["initialisation", "step 1", "step 10", "step 100"]
    assert all(axes.get_aspect() == 1 for axes in maps(figure))


def test_pixels_are_where_their_points_are_whatever_their_order(measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("grid")))
    u = np.linspace(-1, 1, 7)
    for axes, step in zip(maps(figure), STEPS, strict=False):
        expected = np.broadcast_to(2 + step / 100 - abs(u - BOUNDARY), (7, 7))
        assert np.asarray(axes.images[0].get_array()) == pytest.approx(expected)
        assert axes.images[0].get_extent() == pytest.approx([-7 / 6, 7 / 6, -7 / 6, 7 / 6])


def test_one_scale_holds_for_all_steps_and_curvature_is_symmetric(measured_results, geometry_rows):
    made = geometry_rows("grid")
    made[0] |= {"scalar_curvature": -1e6}  # next to a degenerate point
    results = measured_results(made)
    _, figure = only(results)
    volumes, curvatures = limits(figure)[:4], limits(figure)[4:]
    assert len(set(volumes)) == len(set(curvatures)) == 1
    assert volumes[0][1] == pytest.approx(results.geometry.log_volume.max())
    assert volumes[0][0] == pytest.approx(np.quantile(results.geometry.log_volume.astype(float), 0.01))
    low, high = curvatures[0]
    assert -low == high == pytest.approx(np.quantile(results.geometry.scalar_curvature.abs().astype(float), 0.98))
    assert "clipped at the 98 % quantile" in figure.get_suptitle()


def test_steps_that_are_not_shown_count_for_the_scale(measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("grid", steps=(*range(13), 14))))
    assert len(maps(figure)) == 12
    _, other = only(measured_results(geometry_rows("grid", steps=(0, 14))))
    assert limits(figure)[0] != limits(other)[0]


@pytest.mark.parametrize("change", [{}, {"margin": None}])
def test_the_boundary_is_where_the_class_changes(measured_results, geometry_rows, change):
    """By the margin exactly at 0.3; without it half-way between the points 0 and 1/3 that it lies between."""
    _, figure = only(measured_results(geometry_rows("grid", **change)))
    *before, last = maps(figure)[:4]
    assert all(len(boundary(axes)) == 0 for axes in before)
    assert boundary(last)[:, 0] == pytest.approx(1 / 6 if change else BOUNDARY)
    assert [boundary(last)[:, 1].min(), boundary(last)[:, 1].max()] == [-1, 1]


def test_three_classes_have_a_boundary_each(measured_results, geometry_rows):
    """Not class 0 | 2 drawn twice for the level between them: every line lies where some class ends."""
    rows = [
        row | {"predicted_class": 5 * (row["u"] > 0.1) + 2 * (row["v"] > 0.1), "margin": None}
        for row in geometry_rows("grid", steps=(0,))
    ]
    _, figure = only(measured_results(rows))
    points = boundary(maps(figure)[0])
    off = np.minimum(abs(points[:, 0] - 1 / 6), abs(points[:, 1] - 1 / 6))
    assert off == pytest.approx(0, abs=1e-12) and len(points) > 20


@pytest.mark.parametrize("missing", [None, float("inf")])
def test_without_curvature_there_is_no_row_for_it(measured_results, geometry_rows, missing):
    _, figure = only(measured_results(geometry_rows("grid", scalar_curvature=missing)))
    assert len(maps(figure)) == len(STEPS) and "clipped" not in figure.get_suptitle()


def test_a_single_missing_curvature_leaves_a_gap(measured_results, geometry_rows):
    rows = geometry_rows("grid", steps=(0,))
    rows[0] |= {"scalar_curvature": None}
    _, figure = only(measured_results(rows))
    assert np.ma.masked_invalid(maps(figure)[1].images[0].get_array()).mask.sum() == 1


def test_training_points_of_a_grid_are_dots_in_the_colours_of_their_classes(measured_results, geometry_rows):
    points = [(-0.5, 0.1, 0), (0.5, 0.2, 1), (40.0, 0.0, 1)]
    _, figure = only(measured_results(geometry_rows("grid"), anchors=anchors("grid", points)))
    for axes in maps(figure):
        (dots,) = [kind for kind in axes.collections if type(kind) is PathCollection]
        assert np.asarray(dots.get_offsets()) == pytest.approx(np.array(points)[:, :2])
        assert axes.get_xlim() == pytest.approx((-7 / 6, 7 / 6))  # the far point doesn't widen the map
    names = [entry.get_text() for entry in figure.legends[0].get_texts()]
    assert names == ["decision boundary", "class 0", "class 1"]


def test_a_plane_has_its_triangle_with_the_classes_of_the_corners(measured_results, geometry_rows):
    results = measured_results(geometry_rows("plane", kept=18, rank=20), anchors=anchors("plane", CORNERS))
    _, figure = only(results)
    assert len(maps(figure)) == 3 * len(STEPS)
    for axes in maps(figure):
        (triangle,) = [patch for patch in axes.patches if isinstance(patch, Polygon)]
        assert triangle.get_xy()[:3] == pytest.approx(np.array(CORNERS)[:, :2])
        assert [text.get_text() for text in axes.texts] == ["3", "7", "9"]
    assert "over its 18 largest eigenvalues" in figure.get_suptitle()


def test_only_the_first_seed_of_every_setting_is_drawn_and_named(measured_results, geometry_rows):
    ids = [f"{k:012x}" for k in range(4)]
    runs = [
        {"run_id": name, "seed": seed, "data.shuffle_labels": shuffled}
        for name, seed, shuffled in zip(ids, (5, 3, 3, 5), (False, False, True, True), strict=True)
    ]
    rows = [row for name in ids for row in geometry_rows("grid", name, steps=(0,))]
    drawn = dict(volume_maps(measured_results(rows, runs=runs)))
    assert list(drawn) == [f"volume_map_xor_fcn_1_{ids[k]}_scangrid" for k in (1, 2)]
    for figure, labels in zip(drawn.values(), ("true labels", "shuffled labels"), strict=True):
        first, second, *_ = figure.get_suptitle().splitlines()
        assert first == f"xor, FCN, width 20, depth 2, sigmoid, {labels}"
        assert second.startswith("layer 1,") and second.endswith(
            "standard convention of curvature, seed 3 (of 2 seeds)"
        )
        assert "normalization: features" in second


def test_every_layer_and_scan_has_a_figure_and_a_name_that_is_a_file_name(measured_results, geometry_rows):
    rows = [
        row for layer in ("a/b.0", "last") for row in geometry_rows("grid", steps=(0,), layer=layer)
    ] + geometry_rows("plane", steps=(0,))
    assert [name for name, _ in volume_maps(measured_results(rows))] == [
        "volume_map_xor_fcn_a-b.0_000000000000_scangrid",
        "volume_map_xor_fcn_last_000000000000_scangrid",
        "volume_map_xor_fcn_1_000000000000_scanplane",
    ]


def test_nothing_is_drawn_of_paths_of_nothing_or_of_points_without_a_volume(measured_results, geometry_rows):
    dead = {"log_volume": -np.inf, "scalar_curvature": None}
    for rows in ([], geometry_rows("path"), geometry_rows("grid", **dead)):
        assert list(volume_maps(measured_results(rows))) == list(volume_animations(measured_results(rows))) == []


def test_a_constant_volume_and_a_flat_metric_can_be_drawn(tmp_path, measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("grid", log_volume=1.0, scalar_curvature=0.0)))
    assert len(save(figure, tmp_path / "flat")) == 2


def test_columns_are_evenly_chosen_with_both_ends():
    assert evenly([7]) == [7] and evenly([0, 5]) == [0, 5] and evenly(list(range(6))) == list(range(6))
    assert evenly(list(range(0, 110, 10))) == [0, 20, 40, 60, 80, 100]


def test_a_raster_takes_rounding_for_what_it_is(measured_results, geometry_rows):
    points = measured_results(geometry_rows("grid", steps=(0,))).geometry
    points["u"] += 1e-12 * np.random.default_rng(0).standard_normal(len(points))
    u, v, (values,) = raster(points.iloc[1:], ["log_volume"])
    assert len(u) == len(v) == 7 and np.isnan(values).sum() == 1


def test_nothing_lies_outside_the_figure(measured_results, geometry_rows):
    _, figure = only(measured_results(geometry_rows("plane"), anchors=anchors("plane", CORNERS)))
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


def test_an_animation_is_a_gif_with_a_frame_for_every_step_on_one_scale(tmp_path, measured_results, geometry_rows):
    results = measured_results(geometry_rows("grid"), anchors=anchors("grid", [(0.0, 0.5, 3)]))
    ((name, animation),) = volume_animations(results)
    assert name == "volume_animation_xor_fcn_1_000000000000_scangrid"
    (file,) = save(animation, tmp_path / name)
    assert file == tmp_path / f"{name}.gif"
    with Image.open(file) as gif:
        assert gif.n_frames == len(STEPS) and gif.info["loop"] == 0
    seen = set()
    for step in animation.frames:
        animation.draw(step)
        seen.add(tuple(limits(animation.figure)))
        assert maps(animation.figure)[0].get_title() == ("initialisation" if step == 0 else f"step {step}")
    assert seen == {tuple(limits(only(results)[1])[::4])}


def test_an_animation_keeps_the_colour_of_a_few_samples(tmp_path, measured_results, geometry_rows):
    """A palette of the most frequent colours alone would turn vermilion into a green of the map."""
    results = measured_results(geometry_rows("grid"), anchors=anchors("grid", [(0.0, 0.5, 3)]))
    ((_, animation),) = volume_animations(results)
    (file,) = save(animation, tmp_path / "film")
    vermilion = 255 * np.array(style.to_rgb(style.class_color(3)))
    with Image.open(file) as gif:
        gif.seek(len(STEPS) - 1)
        pixels = np.asarray(gif.convert("RGB"), float)
    assert (abs(pixels - vermilion).max(-1) < 26).sum() > 10


def test_a_single_step_is_no_animation(measured_results, geometry_rows):
    assert list(volume_animations(measured_results(geometry_rows("grid", steps=(3,))))) == []
