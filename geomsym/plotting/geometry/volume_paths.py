"""Volume along paths between samples over training, as in Zavatone-Veth et al. (2023), Figs. 4–6."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geomsym.plotting import style
from geomsym.plotting.geometry.maps import draw_label
from geomsym.plotting.geometry.scans import End, ScanOfRuns, numbers, scans, step_name, volume_note
from geomsym.results import Results

PATHS = {
    "line": "straight line",
    "pca": "straight line in principal components",
    "data": "path through neighbouring samples",
}
LABELS = {
    "log_volume": r"$\log\,\sqrt{\det g}$",
    "slice_log_volume": "$\\log\\,\\sqrt{\\det g}$\non the path",
    "entropy": "entropy\n(nats)",
}
HEIGHTS = {"log_volume": 1.7, "slice_log_volume": 1.7, "entropy": 0.75}
STRIP_HEIGHT = 0.45
WRITTEN = 8
"""The most samples whose classes are written beside the strip; if there are more, they are only dots."""
NARROWEST = 0.06
"""The part of a path that a predicted class must have for its name to be written."""


def volume_paths(results: Results) -> Iterator[tuple[str, Figure]]:
    """A figure for every layer, scan of a path, and setting.

    The left column shows the first seed at every step, coloured by step. If there are several seeds, the right column
    shows all of them and their mean, at the first and the last step. Below the volumes are the entropy of the
    prediction and a strip with the class predicted at the last step. Vertical lines mark where that class changes.
    """
    geometry = results.geometry
    for scan in scans(results, geometry[geometry.kind == "path"]):
        columns = [name for name in HEIGHTS if np.isfinite(numbers(scan.rows[name])).any()]
        if columns:
            yield f"volume_path_{scan.name}", _draw(scan, columns)


def crossings(points: pd.DataFrame) -> NDArray[np.float64]:
    """The t at which the predicted class changes along a path: where the margin, taken as linear, is 0.

    Half-way between two points without margins.
    """
    points = points.sort_values("t")
    t, predicted, margin = (numbers(points[name]) for name in ("t", "predicted_class", "margin"))
    k = np.flatnonzero(predicted[1:] != predicted[:-1])
    total = margin[k] + margin[k + 1]
    share = np.divide(margin[k], total, out=np.full(len(k), 0.5), where=total > 0)
    return t[k] + share * (t[k + 1] - t[k])


def mean_curve(curves: list[tuple[NDArray, NDArray]]) -> tuple[NDArray, NDArray]:
    """The mean of curves (t, y), at the points of all of them; curves are linear between their points."""
    t = np.unique(np.concatenate([x for x, _ in curves]))
    return t, np.mean([np.interp(t, x, y) for x, y in curves], axis=0)


def _draw(scan: ScanOfRuns, columns: list[str]) -> Figure:
    sides = [scan.first, scan] if len(scan.runs) > 1 else [scan]
    heights = [*(HEIGHTS[name] for name in columns), STRIP_HEIGHT]
    figure, panels = style.figure(
        len(heights), len(sides), (3.3, sum(heights) / len(heights)), (0.9, 1.0), sharey="row", height_ratios=heights
    )
    colors = style.step_colors(scan.first.steps)
    for side, part in enumerate(sides):
        draw = _draw_steps if len(part.runs) == 1 else _draw_seeds
        for row, column in zip(panels, columns, strict=False):
            draw(row[side], part, column, colors)
            for t in (t for _, points in part.at_end("max").groupby("run_id") for t in crossings(points)):
                row[side].axvline(t, color="0.4", lw=0.7 if len(part.runs) == 1 else 0.4, ls=(0, (4, 2)), zorder=1)
        _draw_strip(panels[-1][side], part)
        panels[0][side].set_title(_title(part), fontsize=8)
    for row, column in zip(panels, columns, strict=False):
        row[0].set_ylabel(LABELS[column])
    style.step_bar(figure, [axes for row in panels[:-1] for axes in row], colors)
    figure.suptitle(_caption(scan), fontsize=7)
    return figure


def _title(part: ScanOfRuns) -> str:
    if len(part.runs) == 1:
        return f"seed {part.runs.seed.iloc[0]}"
    return f"{len(part.runs)} seeds and their mean:\n{step_name(part.steps[0])} and last step"


def _caption(scan: ScanOfRuns) -> str:
    kind = scan.rows.path.iloc[0]
    strip = "predicted class and crossings at the last step"
    return scan.caption("" if pd.isna(kind) else PATHS.get(str(kind), str(kind)), volume_note(scan.rows), strip)


def _curve(points: pd.DataFrame, column: str) -> tuple[NDArray, NDArray]:
    points = points.sort_values("t")
    return numbers(points.t), numbers(points[column])


def _draw_steps(axes: Axes, scan: ScanOfRuns, column: str, colors: dict[int, tuple]) -> None:
    for step, color in colors.items():
        last = step == scan.steps[-1]
        axes.plot(*_curve(scan.at(step), column), color=color, lw=1.8 if last else 0.9, zorder=3 if last else 2)


def _draw_seeds(axes: Axes, scan: ScanOfRuns, column: str, colors: dict[int, tuple]) -> None:
    ends: dict[End, int] = {"min": min(colors), "max": max(colors)}
    for which, step in ends.items():
        curves = [_curve(points, column) for _, points in scan.at_end(which).groupby("run_id")]
        for curve in curves:
            axes.plot(*curve, color=colors[step], lw=0.6, alpha=0.6)
        axes.plot(*mean_curve(curves), color=colors[step], lw=2.2, zorder=3)


def _draw_strip(axes: Axes, scan: ScanOfRuns) -> None:
    """The class predicted at the last step, with a row for each seed, and below it the samples that define the path."""
    last = scan.at_end("max")
    height = 1 / len(scan.runs)
    for row, run_id in enumerate(scan.runs.run_id):
        t, predicted = _curve(last[last.run_id == run_id], "predicted_class")
        edges = np.concatenate([t[:1], (t[1:] + t[:-1]) / 2, t[-1:]])
        pixels = np.array([[to_rgb(style.class_color(k)) if np.isfinite(k) else (1.0, 1.0, 1.0) for k in predicted]])
        axes.pcolormesh(edges, [1 - row * height, 1 - (row + 1) * height], pixels)
        if len(scan.runs) == 1:
            _write_classes(axes, t, predicted)
    _draw_samples(axes, scan)
    axes.set(ylim=(-1.1, 1.05), yticks=[0.5, -0.6], yticklabels=["predicted", "samples"], xlabel="$t$ along the path")
    axes.set_xlim(-0.03, 1.03)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.spines["left"].set_visible(False)
    axes.grid(False)


def _write_classes(axes: Axes, t: NDArray, predicted: NDArray) -> None:
    """The predicted class in the middle of every part of the path that is long enough for it."""
    starts = np.flatnonzero(np.r_[True, predicted[1:] != predicted[:-1]])
    for start, stop in zip(starts, np.r_[starts[1:], len(t)] - 1, strict=True):
        if t[stop] - t[start] > NARROWEST * np.ptp(t) and np.isfinite(predicted[start]):
            k = int(predicted[start])
            color = style.text_color(style.class_color(k))
            middle = (t[start] + t[stop]) / 2
            axes.text(middle, 0.5, str(k), fontsize=6.5, ha="center", va="center_baseline", color=color)


def _draw_samples(axes: Axes, scan: ScanOfRuns) -> None:
    """The samples at their t, unless the seeds have different ones."""
    anchors = scan.anchors[["t", "label"]].drop_duplicates()
    if (scan.anchors.groupby("run_id").size() != len(anchors)).any():
        return
    if len(anchors) > WRITTEN:
        colors = [style.class_color(k) for k in anchors.label]
        axes.scatter(numbers(anchors.t), np.full(len(anchors), -0.6), s=9, c=colors, ec="black", lw=0.3, clip_on=False)
        return
    for t, k in zip(numbers(anchors.t), anchors.label, strict=True):
        draw_label(axes, t, -0.6, k)
