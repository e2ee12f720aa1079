"""What all figures share: size, colours, the names of things."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from geomsym.transforms import GROUPS

OKABE_ITO = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#F0E442")
"""Eight colours that can be told apart with any colour vision (Okabe & Ito 2008)."""

CLASS_COLORS = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#0072B2",
    "#F0E442",
    "#000000",
    "#999999",
    "#882255",
)
"""Colours of classes: those above, the brightest first since they stand on dark maps, a grey and a wine red."""

MARKERS = "osD^vP*X"
FAMILIES = ("fcn", "lcn", "vec", "lap", "gap")
"""The architectures, from the one with the largest group of symmetries to the one with the smallest."""

RC: dict[Any, Any] = {  # over matplotlib's own defaults, see `figure_style`
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw and save figures in the block in one style, whatever matplotlibrc the user has; what was set comes back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def figure(
    rows: int,
    columns: int,
    panel: tuple[float, float] = (2.9, 2.3),
    extra: tuple[float, float] = (1.1, 0.3),
    compressed: bool = False,
    **subplots: Any,
) -> tuple[Figure, list[list]]:
    """A figure of rows × columns panels of a size in inches, with shared axes, and its axes as nested lists.

    `extra` is the room in inches beside and above the panels. `compressed` is for panels of fixed aspect: it removes
    the empty room around them. `subplots` goes to `Figure.subplots`.
    """
    layout = ConstrainedLayoutEngine(compress=True, h_pad=0.06) if compressed else "constrained"
    drawn = Figure(figsize=(panel[0] * columns + extra[0], panel[1] * rows + extra[1]), layout=layout)
    options: dict[str, Any] = {"sharex": True, "sharey": True} | subplots
    return drawn, drawn.subplots(rows, columns, squeeze=False, **options).tolist()


def class_color(k: int) -> str:
    """The colour of class k; colours repeat after the tenth class."""
    return CLASS_COLORS[int(k) % len(CLASS_COLORS)]


def text_color(background: str) -> str:
    """Black or white, whichever is legible on a colour."""
    red, green, blue = to_rgb(background)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.45 else "white"


def step_colors(steps: list[int]) -> dict[int, tuple]:
    """A colour for every training step, from dark to bright, without the yellow that is too pale for a line."""
    return dict(zip(steps, colormaps["viridis"](np.linspace(0, 0.85, len(steps))), strict=True))


def step_bar(figure: Figure, panels: list[Axes], colors: dict[int, tuple]) -> None:
    """A bar beside panels that gives the steps of `step_colors`, about ten of them by name; none for a single step."""
    if len(colors) > 1:
        scale = BoundaryNorm(np.arange(len(colors) + 1) - 0.5, len(colors))
        bar = figure.colorbar(ScalarMappable(scale, ListedColormap(list(colors.values()))), ax=panels, pad=0.02)
        ticks = np.unique(np.linspace(0, len(colors) - 1, min(len(colors), 10)).round().astype(int)).tolist()
        bar.set_ticks(ticks, labels=[f"{list(colors)[k]:,}" for k in ticks], fontsize=7)
        bar.ax.minorticks_off()
        bar.ax.set_title("step", fontsize=7)


def step_axis(axes: Axes, steps: list[int]) -> None:
    """Make an axis of training steps logarithmic if they span more than a decade; step 0 is shown as well."""
    positive = [step for step in steps if step > 0]
    if positive and positive[-1] > 10 * positive[0]:
        axes.set_xscale("symlog", linthresh=10 ** math.floor(math.log10(positive[0])), linscale=0.5)


def group_order(names: pd.Series) -> list[str]:
    """The transforms that occur, from the smallest group to the largest."""
    present = set(names)
    return [name for name in GROUPS if name in present]


def architecture_order(names: pd.Series) -> list[str]:
    """The architectures that occur, from FCN to GAP, with windows from small to large."""

    def rank(name: str) -> tuple[int, int]:
        family, window = re.fullmatch(r"(\D*)(\d*)", name).groups()  # pyright: ignore[reportOptionalMemberAccess]
        return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), int(window or 0)

    return sorted(set(names), key=rank)


def architecture_name(name: str) -> str:
    """An architecture as the paper writes it: «GAP», «LAP$^4$»."""
    return re.sub(r"^LAP(\d+)$", r"LAP$^{\1}$", name.upper())


def inference_order(names: pd.Series) -> list[str]:
    """The inference algorithms that occur, the known ones in the paper's order."""
    present = set(names)
    return [name for name in INFERENCE_NAMES if name in present] + sorted(present - set(INFERENCE_NAMES))


def inference_name(name: str) -> str:
    """An inference algorithm as the paper writes it: «NN+»."""
    return INFERENCE_NAMES.get(name, name)


INFERENCE_NAMES = {
    "nn": "NN",
    "nn_plus": "NN+",
    "ntk": "NTK",
    "nngp": "NNGP",
    "cross_entropy": "cross-entropy",
}
