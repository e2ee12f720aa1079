"""Maps of a plane of inputs: a quantity in colour, the decision boundary, and samples."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.patheffects import Stroke, withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from geomsym.plotting import style
from geomsym.plotting.geometry.scans import ScanOfRuns, numbers, volume_note

LOWEST = 0.01
"""The scale of log-volumes begins at this quantile: in saturated regions they have no lower bound."""
LARGEST = 0.98
"""The scale of R ends at this quantile of |R|: a few points near degenerate ones would otherwise take all colours."""
SAMPLES = 500
"""The most samples that a map shows."""
HALO: list[Stroke] = [withStroke(linewidth=2.4, foreground="white")]
DARK: list[Stroke] = [withStroke(linewidth=1.8, foreground="black")]
"""Outlines that make a black line, and a white one, visible on every colour."""


def _volumes(values: NDArray) -> Normalize:
    return Normalize(float(np.nanquantile(values, LOWEST)), float(np.nanmax(values)))


def _curvatures(values: NDArray) -> Normalize:
    limit = float(np.nanquantile(np.abs(values), LARGEST)) or 1.0  # R of a flat metric is 0 everywhere
    return Normalize(-limit, limit)


@dataclass(frozen=True)
class Quantity:
    """A column of the table of geometry, its label, its colours, and the scale for given values."""

    column: str
    label: str
    colors: str
    scale: Callable[[NDArray], Normalize]


QUANTITIES = {
    "grid": [
        Quantity("log_volume", r"$\log\,\sqrt{\det g}$", "viridis", _volumes),
        Quantity("scalar_curvature", "scalar curvature $R$", "RdBu_r", _curvatures),
    ],
    "plane": [
        Quantity("log_volume", r"$\log\,\sqrt{\det g}$", "viridis", _volumes),
        Quantity("slice_log_volume", "$\\log\\,\\sqrt{\\det g}$\non the plane", "viridis", _volumes),
        Quantity("scalar_curvature", "scalar curvature $R$", "RdBu_r", _curvatures),
    ],
}
"""The quantities that are mapped for each kind of scan, one row each, unless all values are missing."""


class Maps:
    """A scan of one run over training, as maps on scales that hold for all its steps."""

    def __init__(self, scan: ScanOfRuns) -> None:
        self.scan = scan
        self.kind = scan.rows.kind.iloc[0]
        values = {item: numbers(scan.rows[item.column]) for item in QUANTITIES[self.kind]}
        self.scales = {item: item.scale(found) for item, found in values.items() if np.isfinite(found).any()}
        self._clipped = {item: _beyond(scale, values[item]) for item, scale in self.scales.items()}
        self.classes = sorted({*scan.rows.predicted_class.dropna(), *scan.anchors.label.dropna()})

    def draw(self, axes: Axes, step: int, quantity: Quantity) -> None:
        """Draw one quantity at one step, with boundary and samples, but without a title."""
        points = self.scan.at(step)
        u, v, (values,) = raster(points, [quantity.column])
        extent = (*_edges(u), *_edges(v))
        axes.imshow(values, cmap=quantity.colors, norm=self.scales[quantity], extent=extent, origin="lower")
        axes.set(autoscale_on=False, aspect="equal")
        axes.grid(False)
        for locator in (axes.xaxis, axes.yaxis):
            locator.set_major_locator(MaxNLocator(3, prune=None))
        draw_boundary(axes, points)
        (self._draw_samples if self.kind == "grid" else self._draw_triangle)(axes)

    def draw_scales(self, figure: Figure, panels: Iterable[list[Axes]]) -> None:
        """A scale of colours at the end of every row of panels, with arrows where it doesn't reach all values."""
        for row, (quantity, scale) in zip(panels, self.scales.items(), strict=True):
            bar = figure.colorbar(
                ScalarMappable(scale, quantity.colors), ax=row, extend=self._clipped[quantity], pad=0.01, aspect=14
            )
            bar.set_label(quantity.label)
            bar.ax.grid(False)
            bar.ax.yaxis.set_major_locator(MaxNLocator(4))

    def label_axes(self, panels: list[list[Axes]]) -> None:
        """Name the coordinates at the left and below."""
        horizontal, vertical = ("$x_1$", "$x_2$") if self.kind == "grid" else ("$u$", "$v$")
        for row in panels:
            row[0].set_ylabel(vertical)
        for axes in panels[-1]:
            axes.set_xlabel(horizontal)

    def legend(self) -> list[Artist]:
        """The decision boundary and, on a grid, the classes of its samples."""
        boundary = Line2D([], [], color="black", lw=0.9, path_effects=HALO, label="decision boundary")
        labels = self.classes if self.kind == "grid" and len(self.scan.anchors) else []
        return [boundary, *(_disc(k) for k in labels)]

    @property
    def caption(self) -> str:
        """The scan's caption, and the ranges of the colour scales."""
        names = {quantity.column for quantity, clipped in self._clipped.items() if clipped != "neither"}
        reach = [f"volumes from their {100 * LOWEST:.0f} % quantile"] if names - {"scalar_curvature"} else []
        reach += [f"$R$ clipped at the {100 * LARGEST:.0f} % quantile of $|R|$"] if "scalar_curvature" in names else []
        samples = len(self.scan.anchors)
        shown = f"{SAMPLES} of {samples:,} training points" if self.kind == "grid" and samples > SAMPLES else ""
        colors = f"one scale for all steps{': ' if reach else ''}{', '.join(reach)}"
        return self.scan.caption(*filter(None, (volume_note(self.scan.rows), colors, shown)))

    def _draw_samples(self, axes: Axes) -> None:
        anchors = self.scan.anchors.iloc[:SAMPLES]
        colors = [style.class_color(k) for k in anchors.label]
        size = float(np.clip(1200 / max(len(anchors), 1), 2.5, 16))
        axes.scatter(numbers(anchors.u), numbers(anchors.v), s=size, c=colors, ec="black", lw=0.25, zorder=4)

    def _draw_triangle(self, axes: Axes) -> None:
        corners = np.stack([numbers(self.scan.anchors.u), numbers(self.scan.anchors.v)], 1)
        if len(corners):
            axes.add_patch(Polygon(corners, fill=False, ec="white", lw=0.8, path_effects=DARK, zorder=3))
        for (u, v), k in zip(corners, self.scan.anchors.label, strict=True):
            draw_label(axes, u, v, k)


def draw_label(axes: Axes, x: float, y: float, k: int) -> None:
    """A disc in the colour of a class with the class in it."""
    color = style.class_color(k)
    axes.plot([x], [y], "o", ms=7.5, mfc=color, mec="black", mew=0.5, clip_on=False, zorder=5)
    text = {"fontsize": 5.5, "ha": "center", "va": "center_baseline", "color": style.text_color(color)}
    axes.text(x, y, str(k), **text, zorder=6)


def draw_boundary(axes: Axes, points: pd.DataFrame) -> None:
    """The lines across which the predicted class changes.

    The boundary of a class c is the zero line of +margin where c is predicted and −margin elsewhere. Near the boundary
    this is the difference between the output of c and the largest other output, so the line is placed exactly between
    pixels. Without margins it runs half-way between them.
    """
    u, v, (predicted, margin) = raster(points, ["predicted_class", "margin"])
    distance = np.maximum(margin, np.finfo(float).tiny) if np.isfinite(margin).all() else np.ones_like(predicted)
    classes = np.unique(predicted[np.isfinite(predicted)])
    for k in classes[:1] if len(classes) == 2 else classes[: len(classes) * (len(classes) > 2)]:
        signed = np.where(predicted == k, distance, -distance)
        axes.contour(u, v, signed, [0.0], colors="black", linewidths=0.9, linestyles="-", path_effects=HALO, zorder=2)


def raster(points: pd.DataFrame, columns: list[str]) -> tuple[NDArray, NDArray, list[NDArray]]:
    """The coordinates u [n], v [m] and columns [m, n] of points on a raster, in whatever order the table has them.

    Coordinates that differ only by rounding count as equal. Points that the table doesn't have are nan.
    """
    (u, i), (v, j) = (_levels(numbers(points[name])) for name in ("u", "v"))
    values = np.full((len(columns), len(v), len(u)), np.nan)
    for k, column in enumerate(columns):
        values[k, j, i] = numbers(points[column])
    return u, v, list(values)


def _levels(x: NDArray) -> tuple[NDArray, NDArray]:
    """The distinct values of a coordinate in ascending order, and the place of every entry among them."""
    span = np.ptp(x) or 1.0
    _, first, place = np.unique(np.round((x - x.min()) / span, 7), return_index=True, return_inverse=True)
    return x[first], place


def _edges(x: NDArray) -> tuple[float, float]:
    """The ends of a row of pixels with the centres x."""
    half = (x[-1] - x[0]) / (2 * (len(x) - 1)) if len(x) > 1 else 0.5
    return float(x[0] - half), float(x[-1] + half)


def _beyond(scale: Normalize, values: NDArray) -> str:
    """The ends of a scale beyond which there are values, in matplotlib's words for colour bars."""
    low, high = np.nanmin(values) < scale.vmin, np.nanmax(values) > scale.vmax
    return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[
        bool(low), bool(high)
    ]


def _disc(k: int) -> Line2D:
    look = {"marker": "o", "ls": "none", "ms": 4, "mfc": style.class_color(k), "mec": "black", "mew": 0.4}
    return Line2D([], [], label=f"class {k}", **look)
