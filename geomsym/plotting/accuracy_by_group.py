"""Test accuracy against the symmetry group of the data, as in Xiao & Pennington (2022), Fig. 2."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomsym.analysis import over_seeds, setting_columns
from geomsym.plotting import style
from geomsym.results import WITH_RESULT, Results
from geomsym.transforms import GROUPS

SPREAD = 0.36
"""How far apart the series of one group lie, in units of the distance between groups."""


def accuracy_by_group(results: Results) -> Iterator[tuple[str, Figure]]:
    """A figure for every data set and subset size on which at least two groups were tried.

    Each inference algorithm has a panel and each architecture a line: mean and standard error over fitted seeds of the
    highest test accuracy along training. Every seed is a faint dot. Unfitted runs are left out, and the caption counts
    them.
    """
    runs = results.runs[results.runs.status.isin(WITH_RESULT) & results.runs.transform_strength.isna()]
    for _, part in runs.groupby(["data", "subset_size"], dropna=False):
        if part["transform"].nunique() > 1:
            data, size = part["data"].iloc[0], part["subset_size"].iloc[0]
            yield f"accuracy_by_group_{data}_{'all' if pd.isna(size) else size}", _draw(part, data, size)


def _draw(runs: pd.DataFrame, data: str, size: int) -> Figure:
    inferences = style.inference_order(runs.inference)
    groups = style.group_order(runs["transform"])
    summary = over_seeds(runs)
    summary["series"] = series_names(summary)
    looks = _looks(summary)
    figure, (panels,) = style.figure(1, len(inferences))
    for axes, inference in zip(panels, inferences, strict=True):
        _panel(axes, runs[runs.inference == inference], summary[summary.inference == inference], groups, looks)
        axes.set_title(style.inference_name(inference))
        axes.set_xticks(range(len(groups)), [GROUPS[name].symbol for name in groups])
        axes.set_xlabel(r"group acting on the data, $\tau \sim$")
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("test accuracy (%)")
    figure.legend(*_legend(panels), loc="outside right center")
    figure.suptitle(_caption(runs, data, size), fontsize=7)
    return figure


def _looks(summary: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Colour, marker and horizontal offset of every series, the same in all panels."""
    order = series_order(summary)
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(order)) if len(order) > 1 else [0.0]
    return {
        name: {"color": style.OKABE_ITO[k % 8], "marker": style.MARKERS[k % 8], "offset": offset}
        for k, (name, offset) in enumerate(zip(order, offsets, strict=True))
    }


def _panel(axes: Axes, runs: pd.DataFrame, summary: pd.DataFrame, groups: list[str], looks: dict) -> None:
    for name, look in looks.items():
        line = summary[summary.series == name].set_index("transform").reindex(groups)
        if line.runs.notna().any():
            x = np.arange(len(groups)) + look["offset"]
            mean, error = (100 * line[column].to_numpy(float, na_value=np.nan) for column in ("mean", "standard_error"))
            shape = {"color": look["color"], "marker": look["marker"], "capsize": 1.5, "elinewidth": 0.8}
            axes.errorbar(x, mean, error, label=name, **shape)
            _dots(axes, runs, summary[summary.series == name], groups, look)


def _dots(axes: Axes, runs: pd.DataFrame, line: pd.DataFrame, groups: list[str], look: dict[str, Any]) -> None:
    """Every fitted seed of the settings of one line."""
    columns = setting_columns(runs)
    fitted = runs[runs.status == "ok"].merge(line[columns], on=columns)
    x = [groups.index(name) + look["offset"] for name in fitted["transform"]]
    accuracy = 100 * fitted.best_test_accuracy.astype(float)
    axes.scatter(x, accuracy, s=7, color=look["color"], alpha=0.4, linewidths=0, zorder=3)


def series_order(table: pd.DataFrame) -> list[str]:
    """The names in the column `series`, architectures in their order."""
    architectures = style.architecture_order(table.architecture)
    ranks = table.groupby("series", sort=False).architecture.first().map(architectures.index)
    return list(ranks.sort_values(kind="stable").index)


def series_names(summary: pd.DataFrame) -> pd.Series:
    """A name for the line of every row: its architecture, and the other settings that vary."""
    names = summary.architecture.map(style.architecture_name)
    for column in setting_columns(summary):
        if column not in ("data", "transform", "architecture", "inference", "subset_size"):
            varied = summary.groupby(["transform", "architecture", "inference"])[column].transform("nunique") > 1
            names = names.where(~varied, names + f", {column.split('.')[-1]} " + summary[column].astype("string"))
    return names


def _legend(panels: list[Axes]) -> tuple[list, list[str]]:
    """Handles and names of the lines of all panels, each name once."""
    entries = {}
    for axes in panels:
        handles, names = axes.get_legend_handles_labels()
        entries |= dict(zip(names, handles, strict=True))
    return list(entries.values()), list(entries)


def _caption(runs: pd.DataFrame, data: str, size: int) -> str:
    examples = "all" if pd.isna(size) else size
    left_out = int((runs.status != "ok").sum())
    note = f"; {left_out} of {len(runs)} runs not fitted, left out" if left_out else ""
    seeds = runs.seed.nunique()
    return f"{data}, {examples} training images, {seeds} seeds{note}\nhighest along training, mean ± standard error"
