"""The columns of the tables: their names, their types, and where those of runs.csv come from.

runs.csv has an open tail: whatever else an inference algorithm measures is a column behind those that `RUNS` declares.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Literal

from geomsym.config import RunConfig

Kind = Literal["string", "Float64", "Int64", "boolean"]
"""The types of columns by their names in pandas; each has a missing value."""

LARGEST = 2**63 - 1
"""The largest whole number that a column holds."""


@dataclass(frozen=True)
class Column:
    """A column of runs.csv.

    `shows` is the dotted attribute of a `RunConfig` that it has, and `key` the config key that can be read from it: by
    default the same. A column that shows none says what came of the run: a `metric` is measured by the inference
    algorithm, the others are noted by who does the run. A `setting` is equal in runs that differ in nothing but their
    seeds. `listed` columns tell runs apart where there is room for few.
    """

    name: str
    kind: Kind
    shows: str = ""
    key: str = ""
    metric: bool = False
    setting: bool = False
    listed: bool = False


RUNS = (
    Column("run_id", "string", listed=True),
    Column("experiment", "string"),
    Column("data", "string", "data.name", setting=True),
    Column("transform", "string", "transform.name", setting=True, listed=True),
    Column("transform_strength", "Float64", "transform.strength", setting=True),
    Column("transform_seed", "Int64", "transform_seed", key="transform.seed"),
    Column("architecture", "string", "architecture.label", key="architecture.name", setting=True, listed=True),
    Column("width", "Int64", "architecture.width", setting=True, listed=True),
    Column("depth", "Int64", "architecture.depth", setting=True),
    Column("activation", "string", "architecture.activation", setting=True),
    Column("inference", "string", "inference.name", setting=True, listed=True),
    Column("subset_size", "Int64", "data.subset_size", setting=True),
    Column("seed", "Int64", "seed", listed=True),
    Column("status", "string"),
    Column("test_accuracy", "Float64", metric=True),
    Column("test_mse", "Float64", metric=True),
    Column("train_accuracy", "Float64", metric=True),
    Column("train_mse", "Float64", metric=True),
    Column("validation_accuracy", "Float64", metric=True),
    Column("best_test_accuracy", "Float64", metric=True),
    Column("selected_test_accuracy", "Float64", metric=True),
    Column("steps", "Int64", metric=True),
    Column("learning_rate", "Float64", metric=True),
    Column("lambda_max", "Float64", metric=True),
    Column("ridge", "Float64", metric=True),
    Column("jitter", "Float64", metric=True),
    Column("condition", "Float64", metric=True),
    Column("residual", "Float64", metric=True),
    Column("test_variance", "Float64", metric=True),
    Column("parameters", "Int64", metric=True),
    Column("device", "string"),
    Column("dtype", "string", "dtype"),
    Column("seconds", "Float64"),
    Column("error", "string"),
)  # fmt: skip
"""The columns of runs.csv in their order; behind them come its tail, and the config keys in which runs differ."""

RUN_COLUMNS: dict[str, str] = {column.name: column.kind for column in RUNS}
METRICS: dict[str, str] = {column.name: column.kind for column in RUNS if column.metric}
SETTINGS: dict[str, str] = {column.name: column.kind for column in RUNS if column.setting}
LISTED = tuple(column.name for column in RUNS if column.listed)

IDENTITY = ("run_id", *(column.name for column in RUNS if column.shows))
"""The columns that say which run a row is; every record of a run has them."""

SHOWN_KEYS = frozenset(column.key or column.shows for column in RUNS if column.shows)
"""The config keys that can be read from the columns of `RUNS`."""

RESERVED = ("layout", "meaning")
"""What the record of a run has beside columns: the versions of its files and of its numbers."""


def identity(cfg: RunConfig, run_id: str) -> dict[str, Any]:
    """The columns that say which run this is; `experiment` is the folder's name, and joins them on collection."""
    return {"run_id": run_id} | {column.name: attrgetter(column.shows)(cfg) for column in RUNS if column.shows}


def misplaced_metric(name: str, value: object) -> str | None:
    """Why a metric can't be a column of runs.csv, by its name or its value, if it can't."""
    if name in METRICS:
        return misfit(name, value)
    if name in RUN_COLUMNS or name in RESERVED:
        return f"{name} is something else than a metric in runs.csv: give it another name"
    return misfit(name, value)


def misfit(name: str, value: object) -> str | None:
    """What is wrong with a value in the record of a run, if it doesn't fit its column, or the tail."""
    if name in RUN_COLUMNS:
        return None if _fits(value, RUN_COLUMNS[name]) else f"{name} is {str(value)[:40]!r}"
    if "." in name or name in (item.name for item in fields(RunConfig)):
        return f"{name} is a config key: give the metric another name"
    if not name.isidentifier():
        return f"{name!r} is no name for a column: give letters, digits and underscores"
    if not isinstance(value, str | int | float | None):
        return f"{name} is of type {type(value).__name__}: give a number, a text or a truth value of Python's own"


def _fits(value: object, kind: str) -> bool:
    if value is None:
        return True
    if kind == "string" or isinstance(value, bool):
        return kind == "string" and isinstance(value, str)
    if not isinstance(value, int | float):
        return False
    return kind == "Float64" or (abs(value) <= LARGEST and float(value).is_integer())


def tail_of(records: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The columns that records have beside those of `RUNS`, by name, with the types of their values."""
    values: dict[str, list[object]] = {}
    for record in records:
        for name in record.keys() - RUN_COLUMNS.keys() - set(RESERVED):
            values.setdefault(name, []).append(record[name])
    return {name: kind_of(values[name]) for name in sorted(values)}


def kind_of(values: Iterable[object]) -> Kind:
    """The type of a column that has these values; None is missing.

    >>> kind_of([1, 2, None]), kind_of([1, 0.5]), kind_of([True]), kind_of([1, "two"])
    ('Int64', 'Float64', 'boolean', 'string')
    """
    given = [value for value in values if value is not None]
    kinds = {type(value) for value in given}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int} and all(isinstance(value, int) and abs(value) <= LARGEST for value in given):
        return "Int64"
    return "Float64" if kinds and kinds <= {int, float} else "string"


CURVE_COLUMNS = {
    "run_id": "string",
    "step": "Int64",
    "epoch": "Float64",
    "split": "string",
    "metric": "string",
    "value": "Float64",
}
SCANNED = {"run_id": "string", "scan": "string"}
GEOMETRY_COLUMNS = SCANNED | {
    "step": "Int64",
    "kind": "string",
    "path": "string",
    "layer": "string",
    "point": "Int64",
    "t": "Float64",
    "u": "Float64",
    "v": "Float64",
    "log_volume": "Float64",
    "rank": "Int64",
    "kept": "Int64",
    "slice_log_volume": "Float64",
    "scalar_curvature": "Float64",
    "curvature_error": "Float64",
    "predicted_class": "Int64",
    "entropy": "Float64",
    "margin": "Float64",
    "normalization": "string",
    "convention": "string",
    "floor": "Float64",
    "top_k": "Int64",
}
SPECTRUM_COLUMNS = SCANNED | {
    "step": "Int64",
    "layer": "string",
    "index": "Int64",
    "log_eigenvalue": "Float64",
    "low": "Float64",
    "high": "Float64",
}
ANCHOR_COLUMNS = SCANNED | {
    "anchor": "Int64",
    "split": "string",
    "index": "Int64",
    "label": "Int64",
    "t": "Float64",
    "u": "Float64",
    "v": "Float64",
}
SCAN_TABLES = {"geometry": GEOMETRY_COLUMNS, "spectra": SPECTRUM_COLUMNS, "anchors": ANCHOR_COLUMNS}
"""The tables that a scan of a representation gives: at every point, its eigenvalues, and the samples it goes through.

All logarithms are natural. Eigenvalues are those of the metric: means over points and 5 % and 95 % quantiles.
"""

STATISTIC_COLUMNS = {
    "statistic": "string",
    "control": "string",
    "step": "string",
    "mean": "Float64",
    "standard_error": "Float64",
    "low": "Float64",
    "high": "Float64",
    "seeds": "Int64",
}
MEASURED = {"curves": CURVE_COLUMNS} | SCAN_TABLES
"""The tables that are made of tables in run folders."""

MAGNIFICATION_COLUMNS = (
    SETTINGS | {"scan": "string", "kind": "string", "path": "string", "layer": "string"} | STATISTIC_COLUMNS
)
"""The columns of magnification.csv: a setting, what was measured of it, and a statistic over its seeds."""
