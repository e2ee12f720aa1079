"""Eigenvalues of the metric over training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from geomsym.plotting import style
from geomsym.plotting.geometry.scans import ScanOfRuns, numbers, scans, step_name
from geomsym.results import Results

SELECTED = (1, 2, 5, 10, 50)
"""The eigenvalues that are followed over training, beside the last one."""
MANY = 12
"""The number of eigenvalues from which the axis of their index is logarithmic."""


def spectra(results: Results) -> Iterator[tuple[str, Figure]]:
    """A figure for every layer, scan and setting.

    The left panel shows the eigenvalues of g of the first seed against their index, with a line for each step and a
    band from the 5 % to the 95 % quantile over the points for the last step. The right panel shows selected eigenvalues
    against the step, for all seeds.
    """
    for scan in scans(results, results.spectra):
        yield f"spectra_{scan.name}", _draw(scan)


def selected(index: pd.Series) -> list[int]:
    """The indices of the eigenvalues that are followed over training."""
    last = int(index.max())
    return [k for k in SELECTED if k < last] + [last]


def _draw(scan: ScanOfRuns) -> Figure:
    figure, ((left, right),) = style.figure(1, 2, panel=(3.2, 2.6), extra=(1.0, 0.7), sharex=False)
    colors = style.step_colors(scan.first.steps)
    _draw_spectra(left, scan.first, colors)
    style.step_bar(figure, [left], colors)
    _draw_course(right, scan)
    left.set(xlabel="index $i$", ylabel=r"$\log_{10}\,\lambda_i(g)$, mean over points")
    right.set_xlabel("step")
    several = f"left: seed {scan.runs.seed.iloc[0]}, right: all seeds" if len(scan.runs) > 1 else ""
    band = f"band: 5 % to 95 % of the points at {step_name(scan.first.steps[-1])}"
    figure.suptitle(scan.caption(*filter(None, (several, band))), fontsize=7)
    return figure


def _log10(column: pd.Series) -> NDArray[np.float64]:
    return numbers(column) / np.log(10)


def _draw_spectra(axes: Axes, scan: ScanOfRuns, colors: dict[int, tuple]) -> None:
    for step, color in colors.items():
        rows = scan.at(step).sort_values("index")
        i, last = numbers(rows["index"]), step == scan.steps[-1]
        shape = {"lw": 1.8 if last else 0.9, "marker": "o" if len(rows) <= MANY else "", "ms": 3}
        axes.plot(i, _log10(rows.log_eigenvalue), color=color, **shape)
        if last:
            axes.fill_between(i, _log10(rows.low), _log10(rows.high), color=color, alpha=0.25, lw=0)
    if scan.rows["index"].max() > MANY:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_course(axes: Axes, scan: ScanOfRuns) -> None:
    """Selected eigenvalues of every seed; a thick line for the first."""
    for k, index in enumerate(selected(scan.rows["index"])):
        for seed, run_id in enumerate(scan.runs.run_id):
            rows = scan.rows[(scan.rows.run_id == run_id) & (scan.rows["index"] == index)].sort_values("step")
            look: dict[str, Any] = (
                {"lw": 0.5, "alpha": 0.6}
                if seed
                else {"marker": style.MARKERS[k], "ms": 3, "label": f"$\\lambda_{{{index}}}$"}
            )
            axes.plot(numbers(rows.step), _log10(rows.log_eigenvalue), color=style.OKABE_ITO[k], **look)
    style.step_axis(axes, scan.steps)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
