"""Whether training magnifies the decision boundary: statistics of volume, against their controls."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from geomsym.plotting import style
from geomsym.plotting.geometry.scans import layer_name, network, numbers, setting_name
from geomsym.results import Results

STATISTICS = {
    "boundary_difference": "mean $\\log\\,\\sqrt{\\det g}$\non the boundary − off it",
    "spearman_margin": "rank correlation of\nvolume and margin",
    "spearman_entropy": "rank correlation of\nvolume and entropy",
    "peak_offset": "distance in $t$ from\nthe peak to the crossing",
    "slice_boundary_difference": "the same difference\non the slice",
    "slice_spearman_margin": "rank correlation of volume\non the slice and margin",
    "slice_spearman_entropy": "rank correlation of volume\non the slice and entropy",
    "slice_peak_offset": "distance from the peak\non the slice to the crossing",
}
CONTROLS = {
    "trained": "trained",
    "initialisation": "initialisation",
    "shuffled": "shuffled labels",
    "trained - initialisation": "trained − initialisation",
    "trained - shuffled": "trained − shuffled",
}
POSITIONS = ("peak_t", "crossing_t", "slice_peak_t", "slice_crossing_t")
"""Statistics that aren't shown because zero means nothing for them; their distance, `peak_offset`, is shown."""
MEASURED = ("statistic", "control", "step", "mean", "standard_error", "low", "high", "seeds")
"""The columns that aren't settings."""
COLUMNS = 4
"""The most panels beside each other."""
SPREAD = 0.5
"""How far apart the points of one control lie, in units of the distance between controls."""


def magnification(results: Results) -> Iterator[tuple[str, Figure]]:
    """A figure for every data set, architecture and kind of scan: a panel for each statistic, a row for each control.

    All values are at the last step. Dots are means over seeds, with bootstrap intervals; the diamonds below the line
    are differences of such means. Each setting has a colour.
    """
    table = results.magnification
    whole = (table.kind == "grid") & table.statistic.str.startswith("slice_")  # a grid is its own slice
    table = table[table["mean"].notna() & ~table.statistic.isin(POSITIONS) & ~whole]
    for (data, architecture, kind), rows in table.groupby(["data", "architecture", "kind"], sort=False):
        yield f"magnification_{data}_{architecture}_{kind}", _draw(_last_step(rows))


def _last_step(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last step, a number or «last», for every statistic and control in every setting."""
    keys = [column for column in rows if column not in MEASURED] + ["statistic", "control"]
    order = pd.to_numeric(rows.step, errors="coerce").astype(float).fillna(np.inf).argsort(kind="stable")
    return rows.iloc[order].groupby(keys, dropna=False, sort=False).tail(1).sort_index()


def _draw(rows: pd.DataFrame) -> Figure:
    statistics = _in_order(rows.statistic, STATISTICS)
    controls = _in_order(rows.control, CONTROLS)
    count = min(COLUMNS, len(statistics))
    lines = math.ceil(len(statistics) / count)
    figure, panels = style.figure(lines, count, (2.0, 0.28 * len(controls) + 0.65), (1.5, 0.8), sharex=False)
    flat = [axes for row in panels for axes in row]
    series = _series(rows)
    looks = {name: style.OKABE_ITO[k % 8] for k, name in enumerate(dict.fromkeys(series))}
    for axes, statistic in zip(flat, statistics, strict=False):
        shown = rows.statistic == statistic
        _panel(axes, rows[shown], series[shown], controls, looks)
        axes.set_title(STATISTICS.get(statistic, statistic.replace("_", " ")), fontsize=7.5)
    for axes in flat[len(statistics) :]:
        axes.remove()
    panels[0][0].set_yticks(range(len(controls)), [CONTROLS.get(name, name) for name in controls])
    panels[0][0].set_ylim(len(controls) - 0.5, -0.5)
    if len(looks) > 1:
        handles = [Line2D([], [], marker="o", ls="none", color=color, label=name) for name, color in looks.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.suptitle(_caption(rows), fontsize=7)
    return figure


def _in_order(names: pd.Series, known: dict[str, str]) -> list[str]:
    present = list(dict.fromkeys(names))
    return [name for name in known if name in present] + [name for name in present if name not in known]


def _series(rows: pd.DataFrame) -> pd.Series:
    """The name of every row's setting: what differs between rows, and the scan if that isn't enough."""
    columns = list(rows.columns.difference([*MEASURED, "scan"], sort=False))
    columns += ["scan"] if rows.duplicated(["statistic", "control", *columns]).any() else []
    differing = [column for column in columns if rows[column].nunique(dropna=False) > 1]
    words = [[setting_name(key, row[key]) for key in differing if not pd.isna(row[key])] for _, row in rows.iterrows()]
    return pd.Series([", ".join(parts) for parts in words], rows.index)


def _panel(axes: Axes, rows: pd.DataFrame, series: pd.Series, controls: list[str], looks: dict[str, str]) -> None:
    """Means as points, with their intervals if there are any, at the heights of their controls."""
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(looks)) if len(looks) > 1 else [0.0]
    for (name, color), offset in zip(looks.items(), offsets, strict=True):
        for contrast, marker in ((False, "o"), (True, "D")):
            part = rows[(series == name) & (rows.control.str.contains(" - ", regex=False) == contrast)]
            y = np.array([controls.index(control) + offset for control in part.control])
            mean, low, high = (numbers(part[column]) for column in ("mean", "low", "high"))
            filled = "white" if contrast else color
            axes.hlines(y, low, high, color=color, lw=1.1, zorder=2)
            axes.plot(mean, y, marker, color=color, mfc=filled, ms=4.5, zorder=3)
    axes.axvline(0, color="black", lw=0.6, zorder=1)
    levels = sum(" - " not in control for control in controls)
    if 0 < levels < len(controls):
        axes.axhline(levels - 0.5, color="0.6", lw=0.6, ls=":")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)


def _caption(rows: pd.DataFrame) -> str:
    differing = [column for column in rows if rows[column].nunique(dropna=False) > 1]
    common = rows.iloc[0].drop([column for column in differing if column not in ("data", "architecture")])
    run = common.reindex(["data", "transform", "architecture", "width", "depth", "activation", *_dotted(common)])
    layer = f", {layer_name(common.layer)}" if "layer" in common else ""
    low, high = int(rows.seeds.min()), int(rows.seeds.max())
    if high == 1:
        return f"{network(run)}{layer}\none seed: no interval; diamonds: differences"
    seeds = str(high) if low == high else f"{low}–{high}"
    return f"{network(run)}{layer}\n{seeds} seeds: mean and 95 % bootstrap interval; diamonds: differences"


def _dotted(settings: pd.Series) -> list[str]:
    return [key for key in settings.index if "." in key]
