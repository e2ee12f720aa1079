"""The figure of `geomsym verify`: which cells there are, what they say, and that it draws."""

import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from geomsym.errors import DataError
from geomsym.plotting.invariance_figure import BROKEN, HOLDS, UNCLEAR, invariance_figure
from geomsym.theory import Check
from geomsym.theory.checks import TRAINED
from geomsym.transforms import GROUPS, sample_moving

ORDER = ["identity", "shared_permutation", "shared_rotation", "pixel_permutation", "pixel_rotation",
         "global_permutation", "global_rotation"]  # fmt: skip
PHOTO = np.random.default_rng(0).normal(size=(3, 4, 4))


def row(name: str, group: str, deviation: float, statement: str = TRAINED, compared: str = "sgd, mse, 9 steps") -> dict:
    return Check(statement, name, group, compared, deviation, 1e-9, True).row()


def table(groups=ORDER) -> pd.DataFrame:
    held = {"gap": "shared", "lcn": "pixel"}
    rows = [
        row(name, group, 2e-15 if group == "identity" or group.startswith((held[name], "shared")) else 1.5)
        for name in held
        for group in groups
    ]
    return pd.DataFrame(rows)


def cells(figure) -> list:
    """The panels with a deviation, in reading order."""
    return [axes for axes in figure.axes if axes.patches and len(axes.patches) == 1]


def test_groups_are_columns_from_small_to_large_under_an_image_each():
    figure = invariance_figure(table(), PHOTO, seed=1)
    pictures = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in pictures] == [GROUPS[name].symbol for name in ORDER]
    low, high = np.quantile(PHOTO, [0.01, 0.99])
    for axes, name in zip(pictures, ORDER, strict=True):
        import torch

        tau = sample_moving(name, (3, 4, 4), 1, torch.float64)
        shown = ((tau(torch.from_numpy(PHOTO)).numpy() - low) / (high - low)).clip(0, 1).transpose(1, 2, 0)
        np.testing.assert_allclose(axes.images[0].get_array(), shown, atol=1e-12)


def test_cells_say_what_was_found_and_frame_the_largest_group():
    figure = invariance_figure(table(), PHOTO)
    found = cells(figure)
    assert len(found) == 14
    texts = [axes.texts[0].get_text() for axes in found]
    held = r"$2\cdot 10^{-15}$"
    assert texts == [held] * 5 + ["1.5"] * 2 + [held] * 3 + ["1.5"] * 4  # LCN above GAP
    colors = [axes.patches[0].get_facecolor() for axes in found]
    assert all(c == to_rgba(HOLDS if t == held else BROKEN, 0.16) for c, t in zip(colors, texts, strict=True))
    framed = [k for k, axes in enumerate(found) if axes.patches[0].get_linewidth() > 0]
    assert framed == [ORDER.index("pixel_rotation"), 7 + ORDER.index("shared_rotation")]


def test_sketches_show_which_weights_are_shared():
    rows = [row(name, "identity", 0.0) for name in ("fcn", "lcn", "vec", "lap4", "gap", "mine")]
    figure = invariance_figure(pd.DataFrame(rows), PHOTO)
    sketches = {axes.texts[0].get_text(): axes for axes in figure.axes if axes.texts and axes not in cells(figure)}
    colors = {}
    for name, axes in sketches.items():
        squares = [patch.get_facecolor() for patch in axes.patches if isinstance(patch, Rectangle)]
        colors[name] = (len(set(squares[:16])), len(set(squares[16:])))
    del colors["an image under\na random element"]
    assert colors == {
        "FCN": (0, 0), "LCN": (16, 16), "VEC": (1, 16), "LAP$^{4}$": (1, 4), "GAP": (1, 1), "MINE": (0, 0)
    }  # fmt: skip
    assert len(sketches["FCN"].lines) == 6 * 4 + 4


def test_the_first_row_of_a_group_counts_and_what_is_unclear_is_grey():
    rows = [row("gap", "identity", 0.0, "another theorem"), row("gap", "shared_rotation", 1e-5),
            row("gap", "shared_rotation", 3.0, compared="adam")]  # fmt: skip
    (cell,) = cells(invariance_figure(pd.DataFrame(rows), PHOTO))
    assert cell.patches[0].get_facecolor() == to_rgba(UNCLEAR, 0.16)
    assert "sgd, mse, 9 steps" in invariance_figure(pd.DataFrame(rows), PHOTO).get_supxlabel()


def test_grey_images_have_the_groups_that_act_on_them():
    titles = [axes.get_title() for axes in invariance_figure(table(), PHOTO[:1]).axes if axes.images]
    assert titles == ["$I$", "$P(d)$", "$O(d)$"]


def test_titles_do_not_overlap():
    figure = invariance_figure(table(), PHOTO)
    figure.savefig(io.BytesIO(), format="png")
    titles = [axes.title.get_window_extent() for axes in figure.axes if axes.images]
    assert all(left.x1 < right.x0 for left, right in pairwise(titles))


@pytest.mark.parametrize(("groups", "image"), [(ORDER, PHOTO), (ORDER[5:], PHOTO[:1]), (ORDER[1:2], PHOTO)])
def test_the_caption_fits_into_figures_of_any_width(groups, image):
    rows = table(groups).assign(compared="adam, cross_entropy, 100 steps, |θ|^4")
    figure = invariance_figure(rows, image)
    figure.savefig(io.BytesIO(), format="png")
    (caption,) = figure.findobj(lambda item: getattr(item, "get_text", str)() == figure.get_supxlabel())
    box = caption.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
    assert min(axes.get_window_extent().y0 for axes in figure.axes) >= box.y1
    assert max(axes.title.get_window_extent().y1 for axes in figure.axes if axes.images) <= figure.bbox.y1


def test_the_image_itself_is_shown_where_the_trivial_group_was_not_tried():
    figure = invariance_figure(table(ORDER[1:3]), PHOTO)
    assert next(axes.get_title() for axes in figure.axes if axes.images) == "$I$"
    assert len(cells(figure)) == 4


def test_a_table_without_trained_networks_is_refused():
    with pytest.raises(DataError, match="geomsym verify invariance"):
        invariance_figure(pd.DataFrame([row("gap", "identity", 0.0, "Theorem 3.1")]), PHOTO)
