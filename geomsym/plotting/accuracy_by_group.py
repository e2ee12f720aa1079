"""Test accuracy against the symmetry group of the data, as in Xiao & Pennington (2022), Fig. 2."""

# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportCallIssue=false
# pyright: reportReturnType=false, reportOperatorIssue=false
# pandas annotates df[mask] and df[column] as Series or DataFrame.

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomsym.analysis import over_seeds, settings
from geomsym.plotting import style
from geomsym.results import Results
from geomsym.transforms import GROUPS

SPREAD = 0.36
"""How far apart the series of one group lie, in units of the distance between groups."""


def accuracy_by_group(results: Results) -> Iterator[tuple[str, Figure]]:
    """A figure for every data set and subset size on which at least two groups were tried.

    One panel an inference algorithm, one line an architecture: mean and standard error of the highest test accuracy
    along training over fitted seeds, and every seed as a faint dot. Runs that weren't fitted are left out and counted.
    """
    runs = results.runs[
        results.runs.status.isin(["ok", "unfitted", "diverged"]) & results.runs.transform_strength.isna()
    ]
    for (data, size), part in runs.groupby(["data", "subset_size"], dropna=False):
        if part["transform"].nunique() > 1:
            yield f"accuracy_by_group_{data}_{'all' if pd.isna(size) else size}", _draw(part, data, size)


def _draw(runs: pd.DataFrame, data: str, size: int) -> Figure:
    inferences = style.inference_order(runs.inference)
    groups = style.group_order(runs["transform"])
    figure, (panels,) = style.figure(1, len(inferences))
    for axes, inference in zip(panels, inferences, strict=True):
        _panel(axes, runs[runs.inference == inference], groups)
        axes.set_title(style.inference_name(inference))
        axes.set_xticks(range(len(groups)), [GROUPS[name].symbol for name in groups])
        axes.set_xlabel(r"group acting on the data, $\tau \sim$")
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("test accuracy (%)")
    figure.legend(*_legend(panels), loc="outside right center")
    figure.suptitle(_caption(runs, data, size), fontsize=7)
    return figure


def _panel(axes: Axes, runs: pd.DataFrame, groups: list[str]) -> None:
    summary = over_seeds(runs)
    names = series_names(summary)
    architectures = style.architecture_order(summary.architecture)
    order = sorted(names.unique(), key=lambda name: architectures.index(summary.architecture[names == name].iloc[0]))
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(order)) if len(order) > 1 else [0.0]
    for k, (name, offset) in enumerate(zip(order, offsets, strict=True)):
        line = summary[names == name].set_index("transform").reindex(groups)
        x = np.arange(len(groups)) + offset
        look: dict[str, Any] = {"color": style.OKABE_ITO[k % 8], "marker": style.MARKERS[k % 8]}
        percent = {column: 100 * line[column].to_numpy(float, na_value=np.nan) for column in ("mean", "standard_error")}
        axes.errorbar(x, percent["mean"], percent["standard_error"], label=name, capsize=1.5, elinewidth=0.8, **look)
        _dots(axes, runs, line, groups, offset, look["color"])


def _dots(axes: Axes, runs: pd.DataFrame, line: pd.DataFrame, groups: list[str], offset: float, color: str) -> None:
    """Every fitted seed of the settings of one line."""
    columns = settings(runs)
    fitted = runs[runs.status == "ok"].merge(line.reset_index()[columns], on=columns)
    x = [groups.index(name) + offset for name in fitted["transform"]]
    axes.scatter(x, 100 * fitted.best_test_accuracy.astype(float), s=5, color=color, alpha=0.35, linewidths=0)


def series_names(summary: pd.DataFrame) -> pd.Series:
    """A name for the line of every row: its architecture, and whatever else varies among the settings of one group."""
    names = summary.architecture.map(style.architecture_name)
    for column in settings(summary):
        if column not in ("data", "transform", "architecture", "inference", "subset_size"):
            varied = summary.groupby(["transform", "architecture"])[column].transform("nunique") > 1
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
