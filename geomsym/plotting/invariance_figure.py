"""Architectures and their symmetry groups, drawn from what was measured; after Xiao & Pennington (2022), Fig. 1.

A column is a group, with one image under a random element of it; a row is an architecture, with a sketch of which
weights it shares. A cell has the largest deviation between training on D and on τD.
"""

import re
from collections.abc import Collection, Sequence
from itertools import pairwise, product
from textwrap import wrap

import numpy as np
import pandas as pd
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from geomsym.errors import DataError
from geomsym.plotting import style
from geomsym.plotting.group_gallery import shown_on_scale_of, symbol
from geomsym.theory.checks import TRAINED
from geomsym.transforms import GROUPS, largest_groups, sample_moving

HOLDS, BROKEN, UNCLEAR = "#0072B2", "#D55E00", "#999999"
LETTERS = 16
"""How many letters of the caption fit into an inch."""

LINE = 0.13
"""The height of a further line of the caption, in inches."""

SIDE = 4
"""Pixels a side of the sketched image."""

OWN, ONE = np.arange(SIDE**2).reshape(SIDE, SIDE), np.zeros((SIDE, SIDE), int)
SHARING = {
    "lcn": (OWN, OWN),
    "vec": (ONE, OWN),
    "lap": (ONE, np.kron([[0, 1], [2, 3]], np.ones((SIDE // 2, SIDE // 2), int))),
    "gap": (ONE, ONE),
}
"""For every pixel the index of the weights that act there: of the filters, and of the readout."""


def invariance_figure(table: pd.DataFrame, image: ArrayLike, seed: int = 0) -> Figure:
    """Draw the invariance of trained networks, from the table of `geomsym verify`.

    `table` has the columns architecture, group, statement, compared, deviation, tolerance, broken_from. The figure
    shows the first row on trained networks for every architecture and group. `image` [c, h, w] is drawn as in
    `geomsym.plotting.group_gallery`, and always also untransformed. Raises `DataError` if there is no row on trained
    networks.
    """
    rows = table[table.statement == TRAINED].drop_duplicates(["architecture", "group"])
    if rows.empty:
        raise DataError("no trained networks in the table: draw that of «geomsym verify invariance»")
    x = torch.as_tensor(image, dtype=torch.float64)
    groups = [name for name in _in_order({"identity", *rows.group}) if GROUPS[name].applies_to((x.shape[0], 1, 1))]
    names = style.architecture_order(rows.architecture)
    figure, header, lines = _panels(len(names), len(groups))
    _draw_images(header, x, groups, seed)
    if SHARING.keys() & set(map(_family, names)):
        caption = "filters → readout\none colour: shared weights"
        header[0].text(0.61, 0.0, caption, fontsize=6, ha="center", va="bottom")
    for name, (sketch, *cells) in zip(names, lines, strict=True):
        found = rows[rows.architecture == name].set_index("group")
        _draw_architecture(sketch, name)
        largest = largest_groups(found.index[found.deviation <= found.tolerance])
        tried = dict(found.iterrows())
        for axes, group in zip(cells, groups, strict=True):
            if group in tried:
                _draw_cell(axes, tried[group], group in largest)
    caption = _caption(rows.compared.iloc[0], figure.get_figwidth())
    figure.set_figheight(figure.get_figheight() + LINE * caption.count("\n"))
    figure.supxlabel(caption, fontsize=7)
    return figure


def _caption(compared: str, width: float) -> str:
    """The caption that explains the cells, in lines that fit into a figure of the given width in inches."""
    sentences = (
        f"largest relative deviation between training on D and on τD ({compared}): predictions and weights",
        "blue: none but rounding; orange: broken; framed: the largest group that the architecture is invariant to",
    )
    return "\n".join(line for sentence in sentences for line in wrap(sentence, int(LETTERS * width)))


def _in_order(present: Collection[str]) -> list[str]:
    """Groups from the smallest: permutations of a kind before its rotations."""
    order = ("identity", "shared_permutation", "shared_rotation", "pixel_permutation", "pixel_rotation")
    return [name for name in (*order, "global_permutation", "global_rotation") if name in present]


def _panels(rows: int, columns: int) -> tuple[Figure, list[Axes], list[list[Axes]]]:
    """A figure with a row of images and `rows` of cells below, each row behind a wider panel for a sketch."""
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.03, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=(1.9 + 0.95 * columns, 1.55 + 0.62 * rows), layout=layout)
    grid = figure.subplots(
        rows + 1, columns + 1, squeeze=False, width_ratios=[1.9, *[0.95] * columns], height_ratios=[0.95, *[0.5] * rows]
    ).tolist()
    for axes in (panel for row in grid for panel in row):
        axes.set_axis_off()
    return figure, grid[0], grid[1:]


def _draw_images(header: list[Axes], x: torch.Tensor, groups: Sequence[str], seed: int) -> None:
    show = shown_on_scale_of(x)
    header[0].text(1, 0.7, "an image under\na random element", fontsize=7, ha="right", va="center")
    for axes, group in zip(header[1:], groups, strict=True):
        tau = sample_moving(group, (x.shape[0], x.shape[1], x.shape[2]), seed, x.dtype)
        show(axes, tau(x))
        axes.set_title(symbol(GROUPS[group], x), fontsize=8, pad=3)


def _draw_cell(axes: Axes, row: pd.Series, is_largest: bool) -> None:
    color = HOLDS if row.deviation <= row.tolerance else BROKEN if row.deviation >= row.broken_from else UNCLEAR
    frame = {"linewidth": 1.6 if is_largest else 0, "edgecolor": color}
    axes.add_patch(Rectangle((0.04, 0.1), 0.92, 0.8, facecolor=to_rgba(color, 0.16), **frame))
    text = f"{row.deviation:.0e}" if 0 < row.deviation < 0.01 else f"{row.deviation:.2g}"
    axes.text(0.5, 0.5, _power(text), ha="center", va="center", fontsize=8, color=color)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _power(text: str) -> str:
    """«2e-15» as 2·10⁻¹⁵."""
    return re.sub(r"^(.*)e([-+])0*(\d+)$", lambda m: rf"${m[1]}\cdot 10^{{{m[2].strip('+')}{m[3]}}}$", text)


def _draw_architecture(axes: Axes, name: str) -> None:
    """The architecture's name, and its sketch if there is one."""
    axes.text(0.0, 0.5, style.architecture_name(name), ha="left", va="center", fontsize=9)
    if name == "fcn":
        _draw_dense(axes)
    elif _family(name) in SHARING:
        filters, readout = SHARING[_family(name)]
        _draw_square(axes, 1.05, filters)
        axes.annotate("", (2.35, 0.5), (2.05, 0.5), arrowprops={"arrowstyle": "->", "linewidth": 0.8})
        _draw_square(axes, 2.4, readout)
    axes.set(xlim=(0, 3.4), ylim=(0, 1), aspect="equal")


def _family(name: str) -> str:
    """The family's name, without the side of LAP's windows."""
    return name.rstrip("0123456789")


def _draw_square(axes: Axes, left: float, weights: np.ndarray) -> None:
    """Pixels in the colours of the weights that act there; neighbours have clearly different colours."""
    size, colors = 0.9 / SIDE, colormaps["turbo"](np.linspace(0.05, 0.95, SIDE**2))
    for (i, j), k in np.ndenumerate(weights):
        corner = (left + j * size, 0.95 - (i + 1) * size)
        color = colors[(7 * k + 2) % SIDE**2]
        axes.add_patch(Rectangle(corner, size, size, facecolor=color, edgecolor="white", linewidth=0.4))


def _draw_dense(axes: Axes) -> None:
    """Lines from every pixel to every unit, and from every unit to the output."""
    layers = ((1.2, np.linspace(0.1, 0.9, 6)), (2.2, np.linspace(0.2, 0.8, 4)), (3.1, np.array([0.5])))
    for (x, below), (next_x, above) in pairwise(layers):
        for a, b in product(below, above):
            axes.plot([x, next_x], [a, b], color="#BBBBBB", linewidth=0.4, zorder=1)
    for x, heights in layers:
        axes.scatter([x] * len(heights), heights, s=6, color="#444444", zorder=2, linewidths=0)
