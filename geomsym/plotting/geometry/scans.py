"""What the figures of geometry are about: one scan of one layer, over training and over seeds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geomsym.analysis import setting_columns
from geomsym.plotting import style
from geomsym.results import Results
from geomsym.transforms import GROUPS

METRICS = {"features": r"$g = J^{\mathrm{T}} J/n$", "none": r"$g = J^{\mathrm{T}} J$"}
BARE = ("data", "activation", "inference", "path")
"""The columns of settings whose values need no label."""

End = Literal["min", "max"]
"""The first or the last of the training steps at which a run was measured."""


@dataclass(frozen=True)
class ScanOfRuns:
    """One setting of where and how a layer was measured, in the runs that differ in their seeds alone.

    `runs` has one row for each seed, in ascending order. `rows` are the runs' measurements and `anchors` their samples,
    with the columns of the experiment's tables. `normalization` and `convention` are None if the tables don't have
    them. `seeds` is the number of all seeds, also in a part for one seed.
    """

    runs: pd.DataFrame
    rows: pd.DataFrame
    anchors: pd.DataFrame
    normalization: str | None
    convention: str | None
    seeds: int

    @property
    def layer(self) -> str:
        """The layer whose features were measured."""
        return self.rows.layer.iloc[0]

    @property
    def name(self) -> str:
        """A name for files that no other scan of the experiment has."""
        first = self.runs.iloc[0]
        parts = (first.data, first.architecture, self.layer, first.run_id, self.rows.scan.iloc[0])
        return re.sub(r"[^\w.-]+", "-", "_".join(parts))

    @property
    def steps(self) -> list[int]:
        """The training steps at which anything was measured, in ascending order."""
        return sorted(int(step) for step in self.rows.step.unique())

    @property
    def first(self) -> "ScanOfRuns":
        """The same scan of the first seed alone."""
        return self.of(self.runs.run_id.iloc[0])

    def of(self, run_id: str) -> "ScanOfRuns":
        """The same scan of one run alone."""
        runs, rows, anchors = (table[table.run_id == run_id] for table in (self.runs, self.rows, self.anchors))
        return ScanOfRuns(runs, rows, anchors, self.normalization, self.convention, self.seeds)

    def at(self, step: int) -> pd.DataFrame:
        """The measurements at one step."""
        return self.rows[self.rows.step == step]

    def at_end(self, which: End) -> pd.DataFrame:
        """The measurements at the first («min») or last («max») step of every run; runs may stop at different ones."""
        return self.rows[self.rows.step == self.rows.groupby("run_id").step.transform(which)]

    def caption(self, *notes: str) -> str:
        """Two lines on what was trained and what was measured, and a line of notes."""
        run = self.runs.iloc[0]
        return "\n".join(filter(None, (network(run), f"{self._measurement()}, {self._seeds()}", "; ".join(notes))))

    def _measurement(self) -> str:
        metric = METRICS.get(self.normalization or "", self.normalization)
        curvature = f"{self.convention} convention of curvature" if self.convention else None
        normalization = f"{metric} (normalization: {self.normalization})" if metric else None
        return ", ".join(filter(None, (layer_name(self.layer), normalization, curvature)))

    def _seeds(self) -> str:
        if len(self.runs) > 1:
            return f"{len(self.runs)} seeds"
        return f"seed {self.runs.seed.iloc[0]}{f' (of {self.seeds} seeds)' if self.seeds > 1 else ''}"


def scans(results: Results, table: pd.DataFrame) -> Iterator[ScanOfRuns]:
    """All scans in a table of measurements; runs that differ only in their seeds are in one scan."""
    columns = setting_columns(results.runs)
    setting = results.runs.groupby(columns, dropna=False, sort=False).ngroup()
    table = table[table.run_id.isin(results.runs.run_id)]
    setting_of_row = table.run_id.map(dict(zip(results.runs.run_id, setting, strict=True)))
    conventions = results.geometry.drop_duplicates("scan").set_index("scan")[["normalization", "convention"]]
    for (_, scan, _), rows in table.groupby([setting_of_row, table.scan, table.layer], sort=False):
        runs = results.runs[results.runs.run_id.isin(rows.run_id)].sort_values("seed")
        anchors = results.anchors[(results.anchors.scan == scan) & results.anchors.run_id.isin(rows.run_id)]
        found = conventions.reindex([str(scan)]).iloc[0]
        normalization, convention = (None if pd.isna(value) else str(value) for value in found)
        yield ScanOfRuns(runs, rows, anchors, normalization, convention, len(runs))


def network(run: pd.Series) -> str:
    """The data and the network of a run in words, with those dotted config keys in which the experiment's runs differ.

    Keys that the run's options don't have aren't mentioned.
    """
    transform = run["transform"]
    group = "" if pd.isna(transform) or transform == "identity" else f" under {GROUPS[transform].symbol}"
    keys = ["width", "depth", "activation", *(key for key in run.index if "." in key)]
    words = [setting_name(key, run[key]) for key in keys if not pd.isna(run[key])]
    return ", ".join([f"{run.data}{group}", style.architecture_name(run.architecture), *words])


def setting_name(key: str, value: object) -> str:
    """A column of settings and its value in words: «noise_variance 0.15», «shuffled labels», «gelu»."""
    if key == "data.shuffle_labels":
        return "shuffled labels" if value else "true labels"
    if key == "transform":
        return GROUPS[str(value)].symbol
    if key == "layer":
        return layer_name(str(value))
    if key in BARE:
        return str(value)
    return f"{key.split('.')[-1]} {value}"


def layer_name(layer: str) -> str:
    """«layer 2», and for what enters the readout «last hidden layer»."""
    return "last hidden layer" if layer == "last" else f"layer {layer}"


def step_name(step: int) -> str:
    """«initialisation» or «step 1,000»."""
    return f"step {step:,}" if step else "initialisation"


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """A column as an array, with nan for what is missing or infinite."""
    values = column.to_numpy(float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def volume_note(rows: pd.DataFrame) -> str:
    """How many eigenvalues of g its determinant is taken over; nothing for points of the plane at full rank."""
    low, high = int(rows.kept.min()), int(rows.kept.max())
    if low == high == 2 and (rows.kind == "grid").all():
        return ""
    return f"$\\det g$ over its {low if low == high else f'{low}–{high}'} largest eigenvalues"
