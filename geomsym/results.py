"""The collection of an experiment's run folders into tidy tables, and the tables themselves.

    <folder>/runs.csv  curves.csv  geometry.csv  spectra.csv  anchors.csv  magnification.csv

<folder>'s name is the column `experiment`. Importing this module takes pandas, and no torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from geomsym.columns import (
    CURVE_COLUMNS,
    IDENTITY,
    MAGNIFICATION_COLUMNS,
    RUN_COLUMNS,
    SCAN_TABLES,
)
from geomsym.errors import DataError
from geomsym.files import write_csv
from geomsym.run_folders import read_record

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

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:  # an experiment without runs
    ...     _ = collect(Path(folder))
    ...     list(load(folder).curves)
    ['run_id', 'step', 'epoch', 'split', 'metric', 'value']
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
    return pd.read_csv(path, dtype=columns, keep_default_na=False, na_values=[""])
