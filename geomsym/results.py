"""Records of runs on disk, and their collection into tidy tables.

    <folder>/runs/<run_id>/   config.yaml  environment.json  curves.csv  checkpoint.pt  metrics.json
    <folder>/runs.csv  curves.csv

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
    """The tables of one experiment: `runs` has one row a run, `curves` one a measurement."""

    runs: pd.DataFrame
    curves: pd.DataFrame


def load(folder: str | Path) -> Results:
    """Read an experiment's tables with their types: ``load("outputs/quickstart").runs``.

    Columns are nullable; missing values are pandas.NA. Raises `DataError` where `folder` has no runs.csv.
    """
    folder = Path(folder)
    if not (folder / "runs.csv").is_file():
        raise DataError(f"{folder}: no runs.csv there; give the folder of an experiment, such as outputs/quickstart")
    return Results(_read(folder / "runs.csv", RUN_COLUMNS), _read(folder / "curves.csv", CURVE_COLUMNS))


def collect(folder: Path) -> Results:
    """Make an experiment's runs.csv and curves.csv from its run folders, and return them.

    Rows are sorted by the identity columns, so that the tables don't depend on the order in which runs finished.
    """
    paths = sorted(path.parent for path in (folder / "runs").glob("*/config.yaml"))
    records = {path: read_record(path) for path in paths}
    begun = [path for path, record in records.items() if record["status"] != "left"]
    runs = pd.DataFrame([records[path] for path in begun], columns=list(RUN_COLUMNS)).assign(experiment=folder.name)
    runs = pd.concat([_typed(runs, RUN_COLUMNS), _differing_keys(begun)], axis=1)
    order = [column for column in IDENTITY if column != "run_id"] + ["run_id"]
    runs = runs.sort_values(order, na_position="first", ignore_index=True)
    curves = _curves(folder, runs.run_id)
    write_csv(folder / "curves.csv", curves)
    write_csv(folder / "runs.csv", runs)  # last: where it is, the other table is too
    return Results(runs, curves)


def read_record(path: Path) -> dict[str, Any]:
    """The row of one run folder: what metrics.json says, or «interrupted», or «left» for one that hasn't begun."""
    if (path / "metrics.json").is_file():
        return read_json(path / "metrics.json")
    if (path / "environment.json").is_file():
        begun = read_json(path / "environment.json")
        return begun["identity"] | {"status": "interrupted", "device": begun["device"]}
    return {"run_id": path.name, "status": "left"}


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


def _curves(folder: Path, run_ids: pd.Series) -> pd.DataFrame:
    """The curves of all runs, each as its file has it, under the run's id."""
    tables = []
    for run_id in run_ids:
        path = folder / "runs" / run_id / "curves.csv"
        if path.is_file():
            tables.append(_read(path, CURVE_COLUMNS))
    empty = _typed(pd.DataFrame(columns=list(CURVE_COLUMNS)), CURVE_COLUMNS)
    return pd.concat([empty, *tables], ignore_index=True)


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
    """A CSV file with the types of its known columns; only an empty field is missing."""
    return pd.read_csv(path, dtype=columns, keep_default_na=False, na_values=[""])  # pyright: ignore[reportArgumentType]
