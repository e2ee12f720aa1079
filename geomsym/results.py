"""Records of runs on disk, and their collection into tidy tables.

    <folder>/runs/<run_id>/   config.yaml  environment.json  curves.csv  classes.csv  checkpoint.pt  metrics.json
    <folder>/runs/<run_id>/scans/<scan>/   config.yaml  anchors.csv  spectra.csv  geometry.csv
    <folder>/runs.csv  curves.csv  geometry.csv  spectra.csv  anchors.csv  magnification.csv

A planned run has only its config.yaml, a run that has begun also environment.json; metrics.json is written last, so
that a run without it isn't finished and will be redone. <folder>'s name is the column `experiment`.
"""

# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportCallIssue=false
# pyright: reportReturnType=false, reportOperatorIssue=false, reportAttributeAccessIssue=false
# pandas annotates df[mask] and df[column] as Series or DataFrame.

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from geomsym.errors import DataError
from geomsym.files import write_csv
from geomsym.identity import SCHEMA_VERSION

IDENTITY = {
    "run_id": "string",
    "experiment": "string",
    "data": "string",
    "transform": "string",
    "transform_strength": "Float64",
    "transform_seed": "Int64",
    "architecture": "string",
    "width": "Int64",
    "depth": "Int64",
    "activation": "string",
    "inference": "string",
    "subset_size": "Int64",
    "seed": "Int64",
}
"""The columns of runs.csv that say which run a row is, with their pandas types."""

OUTCOME = {
    "status": "string",
    "test_accuracy": "Float64",
    "test_mse": "Float64",
    "train_accuracy": "Float64",
    "train_mse": "Float64",
    "validation_accuracy": "Float64",
    "best_test_accuracy": "Float64",
    "selected_test_accuracy": "Float64",
    "steps": "Int64",
    "learning_rate": "Float64",
    "lambda_max": "Float64",
    "ridge": "Float64",
    "jitter": "Float64",
    "condition": "Float64",
    "residual": "Float64",
    "test_variance": "Float64",
    "parameters": "Int64",
    "device": "string",
    "dtype": "string",
    "seconds": "Float64",
    "error": "string",
}
"""The columns of runs.csv that say what came of it."""

RUN_COLUMNS = IDENTITY | OUTCOME
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
MAGNIFICATION_COLUMNS = {
    "data": "string",
    "transform": "string",
    "transform_strength": "Float64",
    "architecture": "string",
    "width": "Int64",
    "depth": "Int64",
    "activation": "string",
    "inference": "string",
    "subset_size": "Int64",
    "scan": "string",
    "kind": "string",
    "path": "string",
    "layer": "string",
    "statistic": "string",
    "control": "string",
    "step": "string",
    "mean": "Float64",
    "standard_error": "Float64",
    "low": "Float64",
    "high": "Float64",
    "seeds": "Int64",
}
SCAN_TABLES = {"geometry": GEOMETRY_COLUMNS, "spectra": SPECTRUM_COLUMNS, "anchors": ANCHOR_COLUMNS}
"""The tables that a scan of a representation gives: at every point, its eigenvalues, and the samples it goes through.

All logarithms are natural. Eigenvalues are those of the metric: means over points and 5 % and 95 % quantiles.
"""

SHOWN_KEYS = {
    "data.name": "data",
    "data.subset_size": "subset_size",
    "transform.name": "transform",
    "transform.strength": "transform_strength",
    "transform.seed": "transform_seed",
    "architecture.name": "architecture",
    "architecture.window": "architecture",
    "architecture.width": "width",
    "architecture.depth": "depth",
    "architecture.activation": "activation",
    "inference.name": "inference",
    "seed": "seed",
    "dtype": "dtype",
}
"""The config keys that runs.csv shows, with their columns. Any other key is a column where runs differ in it."""

STATUSES = ("ok", "unfitted", "diverged", "failed", "interrupted", "left")
"""What can become of a run: of these, failed, interrupted and left ones are (re)done by the same command."""


@dataclass(frozen=True)
class Results:
    """The tables of one experiment: `runs` has one row a run, `curves` one a measurement.

    `geometry`, `spectra` and `anchors` are those of `SCAN_TABLES`, empty where no geometry was measured, and
    `magnification` has its statistics over seeds (see `geomsym.analysis.magnification`).
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    geometry: pd.DataFrame
    spectra: pd.DataFrame
    anchors: pd.DataFrame
    magnification: pd.DataFrame


def load(folder: str | Path) -> Results:
    """Read an experiment's tables with their types: ``load("outputs/quickstart").runs``.

    Columns are nullable; missing values are pandas.NA. Raises `DataError` where `folder` has no runs.csv.
    """
    folder = Path(folder)
    if not (folder / "runs.csv").is_file():
        raise DataError(f"{folder}: no runs.csv there; give the folder of an experiment, such as outputs/quickstart")
    tables = {"runs": RUN_COLUMNS, "curves": CURVE_COLUMNS} | SCAN_TABLES | {"magnification": MAGNIFICATION_COLUMNS}
    return Results(**{name: _read(folder / f"{name}.csv", columns) for name, columns in tables.items()})


def collect(folder: Path) -> Results:
    """Make an experiment's tables from its run folders, and return them; those without rows aren't written.

    Rows are sorted by the identity columns, so that the tables don't depend on the order in which runs finished.
    """
    paths = sorted(path.parent for path in (folder / "runs").glob("*/config.yaml"))
    records = {path: read_record(path) for path in paths}
    begun = [path for path, record in records.items() if record["status"] != "left"]
    runs = pd.DataFrame([records[path] for path in begun], columns=list(RUN_COLUMNS)).assign(experiment=folder.name)
    runs = pd.concat([_typed(runs, RUN_COLUMNS), _differing_keys(begun)], axis=1)
    order = [column for column in IDENTITY if column != "run_id"] + ["run_id"]
    runs = runs.sort_values(order, na_position="first", ignore_index=True)
    curves = _joined([folder / "runs" / name / "curves.csv" for name in runs.run_id], CURVE_COLUMNS)
    scans = {name: _scans(folder, runs.run_id, name, columns) for name, columns in SCAN_TABLES.items()}
    write_csv(folder / "curves.csv", curves)
    for name, table in scans.items():
        if len(table) or (folder / f"{name}.csv").exists():
            write_csv(folder / f"{name}.csv", table)
    write_csv(folder / "runs.csv", runs)  # last: where it is, the other tables are too
    return load(folder)


def read_record(path: Path) -> dict[str, Any]:
    """The row of one run folder: what metrics.json says, or «interrupted», or «left» for one that hasn't begun."""
    if (path / "metrics.json").is_file():
        return _of_this_schema(path, read_json(path / "metrics.json"))
    if (path / "environment.json").is_file():
        begun = read_json(path / "environment.json")
        return begun["identity"] | {"status": "interrupted", "device": begun["device"]}
    return {"run_id": path.name, "status": "left"}


def _of_this_schema(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    if record.get("schema_version") != SCHEMA_VERSION:
        found = f"a run with records of version {record.get('schema_version')}, and this is version {SCHEMA_VERSION}"
        raise DataError(f"{path}: {found}: give another --out or --name, or delete the folder")
    return record


def read_json(path: Path) -> dict[str, Any]:
    """What a file of a run folder holds; raises `DataError` where something other than geomsym has spoilt it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON ({error}); delete it, and the run is done again") from error


def statuses(folder: Path) -> dict[str, int]:
    """How many runs of an experiment there are of each status."""
    found = [read_record(path.parent)["status"] for path in (folder / "runs").glob("*/config.yaml")]
    return {status: found.count(status) for status in STATUSES}


def experiments(folder: Path) -> Iterator[Path]:
    """The experiment folders at or under a folder, in alphabetical order."""
    yield from ([folder] if (folder / "runs").is_dir() else sorted(path.parent for path in folder.glob("*/runs")))


def _scans(folder: Path, run_ids: pd.Series, name: str, columns: dict[str, str]) -> pd.DataFrame:
    """One table of all finished scans of the runs, with the ids of both; the table geometry is written last."""
    finished = (path for run_id in run_ids for path in sorted(folder.glob(f"runs/{run_id}/scans/*/geometry.csv")))
    return _joined([path.with_name(f"{name}.csv") for path in finished], columns)


def _joined(paths: list[Path], columns: dict[str, str]) -> pd.DataFrame:
    """The tables of those files that exist, one behind the other, each as its file has it."""
    empty = _typed(pd.DataFrame(columns=list(columns)), columns)
    return pd.concat([empty, *(_read(path, columns) for path in paths if path.is_file())], ignore_index=True)


def _differing_keys(paths: list[Path]) -> pd.DataFrame:
    """The config keys without a column of their own in which the runs differ, in a column each."""
    configs = pd.DataFrame([_flat(OmegaConf.to_container(OmegaConf.load(path / "config.yaml"))) for path in paths])
    keys = [key for key in configs if key not in SHOWN_KEYS and configs[key].astype("string").nunique(dropna=False) > 1]
    return configs[keys]


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """A nested mapping with its keys joined by dots; lists stay values."""
    if not isinstance(tree, dict):
        return {prefix.removesuffix("."): tree}
    return {key: value for name, branch in tree.items() for key, value in _flat(branch, f"{prefix}{name}.").items()}


def _typed(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    return table.astype({name: kind for name, kind in columns.items() if name in table})


def _read(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """A CSV file with the types of its known columns, empty where there is none; only an empty field is missing."""
    if not path.is_file():
        return _typed(pd.DataFrame(columns=list(columns)), columns)
    return pd.read_csv(path, dtype=columns, keep_default_na=False, na_values=[""])  # pyright: ignore[reportArgumentType]
