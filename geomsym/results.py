"""The tidy tables of an experiment: from its run folders, to files, from files.

    <folder>/runs/<run_id>/   see `geomsym.run_folders`
    <folder>/runs/<run_id>/scans/<scan>/   config.yaml  anchors.csv  spectra.csv  geometry.csv
    <folder>/runs.csv  curves.csv  geometry.csv  spectra.csv  anchors.csv  magnification.csv

<folder>'s name is the column `experiment`. Importing this module takes pandas, and no torch.
"""

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from geomsym.columns import (
    CURVE_COLUMNS,
    IDENTITY,
    MAGNIFICATION_COLUMNS,
    RUN_COLUMNS,
    SCAN_TABLES,
)
from geomsym.errors import DataError
from geomsym.files import write_csv
from geomsym.run_folders import (
    SpoiltRun,
    check_scan_tables,
    finished_scans,
    read_config,
    read_record,
    run_folders,
    spoilt_table,
)

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
    `magnification` has its statistics over seeds (see `geomsym.analysis.magnification`). `spoilt` says which folders
    were left out when the tables were collected, why, and what to do.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    geometry: pd.DataFrame
    spectra: pd.DataFrame
    anchors: pd.DataFrame
    magnification: pd.DataFrame
    spoilt: tuple[str, ...] = ()


def load(folder: str | Path) -> Results:
    """Read an experiment's tables with their types: ``load("outputs/quickstart").runs``.

    Columns are nullable; missing values are pandas.NA. Raises `DataError` where `folder` has no runs.csv, or where one
    of its tables can't be read.

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
    return Results(**{name: _table(folder / f"{name}.csv", columns) for name, columns in tables.items()}, spoilt=())


def collect(folder: Path) -> Results:
    """Make an experiment's tables from its run folders, write them, and return them."""
    results = gather(folder)
    write_tables(folder, results)
    return results


def gather(folder: Path) -> Results:
    """An experiment's tables from its run folders; nothing is written. What is spoilt is left out, and named.

    Rows are sorted by the identity columns, so that the tables don't depend on the order in which runs finished.
    """
    found, spoilt = _read_runs(folder)
    begun = [run for run in found if run.record["status"] != "left"]
    runs = pd.DataFrame([run.record for run in begun], columns=list(RUN_COLUMNS)).assign(experiment=folder.name)
    runs = pd.concat([_typed(runs, RUN_COLUMNS), _differing_keys([run.config for run in begun])], axis=1)
    order = [column for column in IDENTITY if column != "run_id"] + ["run_id"]
    runs = runs.sort_values(order, na_position="first", ignore_index=True)
    tables_of = {run.record["run_id"]: run.tables for run in begun}
    tables = {
        name: _joined([table for run_id in runs.run_id for table in tables_of[run_id].get(name, [])], columns)
        for name, columns in MEASURED.items()
    }
    try:
        magnification = _table(folder / "magnification.csv", MAGNIFICATION_COLUMNS)
    except DataError as error:
        magnification, spoilt = _empty(MAGNIFICATION_COLUMNS), [*spoilt, str(error)]
    as_read = _parsed(StringIO(runs.to_csv(index=False)), RUN_COLUMNS)  # the very values that a reader of runs.csv has
    return Results(runs=as_read, **tables, magnification=magnification, spoilt=tuple(spoilt))


def write_tables(folder: Path, results: Results) -> None:
    """Write the tables that `gather` gives; those of geometry where they have rows, or had some."""
    for name in MEASURED:
        table, path = getattr(results, name), folder / f"{name}.csv"
        if name == "curves" or len(table) or path.exists():
            write_csv(path, table)
    write_csv(folder / "runs.csv", results.runs)  # last: where it is, the other tables are too


MEASURED = {"curves": CURVE_COLUMNS} | SCAN_TABLES
"""The tables that are made of tables in run folders."""


@dataclass
class _Run:
    record: dict[str, Any]
    config: dict[str, Any]
    tables: dict[str, list[pd.DataFrame]] = field(default_factory=dict)


def _read_runs(folder: Path) -> tuple[list[_Run], list[str]]:
    """All runs that can be read, and what is wrong with the others, and with scans."""
    runs, spoilt = [], []
    try:
        paths = run_folders(folder)
    except SpoiltRun as error:
        return [], [str(error)]
    for path in paths:
        try:
            runs.append(_read_run(path, spoilt))
        except SpoiltRun as error:
            spoilt.append(str(error))
    return runs, spoilt


def _read_run(path: Path, spoilt: list[str]) -> _Run:
    record = read_record(path)
    if record["status"] == "left":
        return _Run(record, {})
    run = _Run(record, read_config(path))
    if (path / "curves.csv").is_file():
        run.tables["curves"] = [_of_run(path, "curves")]
    for scan in finished_scans(path):
        try:
            check_scan_tables(scan)
            tables = {name: _of_run(scan, name) for name in SCAN_TABLES if (scan / f"{name}.csv").is_file()}
        except SpoiltRun as error:
            spoilt.append(str(error))
            continue
        for name, table in tables.items():
            run.tables.setdefault(name, []).append(table)
    return run


def _of_run(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run or of a scan."""
    try:
        return _parsed(folder / f"{name}.csv", MEASURED[name])
    except FileNotFoundError:  # its run is being done again just now
        return _empty(MEASURED[name])
    except (ValueError, OverflowError) as error:
        raise spoilt_table(folder, folder / f"{name}.csv", error) from error


def _joined(tables: list[pd.DataFrame], columns: dict[str, str]) -> pd.DataFrame:
    return pd.concat([_empty(columns), *tables], ignore_index=True)


def _differing_keys(configs: list[dict[str, Any]]) -> pd.DataFrame:
    """The config keys without a column of their own in which the runs differ, in a column each."""
    table = pd.DataFrame([_flat(config) for config in configs])
    keys = [key for key in table if key not in SHOWN_KEYS and table[key].astype("string").nunique(dropna=False) > 1]
    return table[keys]


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """A nested mapping with its keys joined by dots; lists stay values."""
    if not isinstance(tree, dict):
        return {prefix.removesuffix("."): tree}
    return {key: value for name, branch in tree.items() for key, value in _flat(branch, f"{prefix}{name}.").items()}


def _typed(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    return table.astype({name: kind for name, kind in columns.items() if name in table})


def _empty(columns: dict[str, str]) -> pd.DataFrame:
    return _typed(pd.DataFrame(columns=list(columns)), columns)


def _table(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """A table of an experiment, empty where there is none; raises `DataError` for a file that isn't one."""
    if not path.is_file():
        return _empty(columns)
    try:
        return _parsed(path, columns)
    except (ValueError, OverflowError) as error:
        found = " ".join(str(error).split())[:100]
        again = "geomsym volume" if path.name == "magnification.csv" else "geomsym plot"
        raise DataError(f"{path}: not a readable table ({found}); delete it, and «{again}» makes it again") from error


def _parsed(source: Path | StringIO, columns: dict[str, str]) -> pd.DataFrame:
    """CSV with the types of its known columns; only an empty field is missing."""
    return pd.read_csv(source, dtype=columns, keep_default_na=False, na_values=[""])
