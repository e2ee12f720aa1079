"""Accuracy along training."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from geomsym.plotting import style
from geomsym.plotting.accuracy_by_group import series_names, series_order
from geomsym.results import Results
from geomsym.transforms import GROUPS

STYLES = {"train": ":", "test": "-"}


def learning_curves(results: Results) -> Iterator[tuple[str, Figure]]:
    """Training and test accuracy against the step, for every data set: rows are algorithms, columns are groups.

    Every run is a line, whose colour stands for its architecture and any other setting that varies. The step's axis is
    linear up to 10 and logarithmic beyond.
    """
    curves = results.curves[(results.curves.metric == "accuracy") & results.curves.split.isin(STYLES)]
    curves = curves[curves.step.notna()].merge(results.runs, on="run_id")
    for data, part in curves.groupby("data"):
        yield f"learning_curves_{data}", _draw(part)


def _draw(curves: pd.DataFrame) -> Figure:
    inferences = style.inference_order(curves.inference)
    groups = style.group_order(curves["transform"])
    curves = curves.assign(series=series_names(curves))
    colors = {name: style.OKABE_ITO[k % 8] for k, name in enumerate(series_order(curves))}
    figure, panels = style.figure(len(inferences), len(groups), panel=(1.5, 1.5) if len(groups) > 2 else (2.9, 2.3))
    for row, inference in zip(panels, inferences, strict=True):
        for axes, group in zip(row, groups, strict=True):
            _panel(axes, curves[(curves.inference == inference) & (curves["transform"] == group)], colors)
        row[0].set_ylabel(f"{style.inference_name(inference)}\naccuracy (%)")
    for axes, group in zip(panels[0], groups, strict=True):
        axes.set_title(GROUPS[group].symbol)
    for axes in panels[-1]:
        axes.set_xlabel("step")
    beside = max(map(len, colors)) < 12  # long names would leave no room for the curves
    place: dict[str, Any] = {"loc": "outside right center"} if beside else {"loc": "outside lower center", "ncols": 2}
    figure.legend(handles=_legend(colors), **place)
    return figure


def _panel(axes: Axes, curves: pd.DataFrame, colors: dict[str, str]) -> None:
    for (_, split, series), line in curves.groupby(["run_id", "split", "series"]):
        axes.plot(
            line.step.astype(float),
            100 * line.value.astype(float),
            STYLES[str(split)],
            color=colors[str(series)],
            lw=0.7,
        )
    axes.set_xscale("symlog", linthresh=10)
    axes.set_ylim(0, 102)


def _legend(colors: dict[str, str]) -> list[Line2D]:
    lines = [Line2D([], [], color=color, label=name) for name, color in colors.items()]
    return lines + [Line2D([], [], color="grey", ls=kind, label=split) for split, kind in STYLES.items()]
