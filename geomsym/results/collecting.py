"""The tidy tables of an experiment, from its run folders, and into files.

    <folder>/runs/<run_id>/   see `geomsym.results.run_folder`
    <folder>/runs.csv  curves.csv  geometry.csv  spectra.csv  anchors.csv  magnification.csv

<folder>'s name is the column `experiment`. Importing this module takes pandas, and no torch.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from geomsym.errors import DataError
from geomsym.files import write_csv
from geomsym.results.experiment_folder import run_folders
from geomsym.results.identity import completed
from geomsym.results.loading import Results, empty, parsed, read_table
from geomsym.results.records import (
    SpoiltRun,
    check_scan_tables,
    finished_scans,
    read_config,
    read_record,
    spoilt_table,
)
from geomsym.results.schema import (
    IDENTITY,
    MAGNIFICATION_COLUMNS,
    MEASURED,
    RUN_COLUMNS,
    SCAN_TABLES,
    SHOWN_KEYS,
    tail_of,
)


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
    columns = RUN_COLUMNS | tail_of(run.record for run in begun)
    rows = [run.record | {"experiment": folder.name} for run in begun]
    runs = pd.DataFrame(rows, columns=list(columns), dtype=object)
    runs = pd.concat([runs.astype(columns), _differing_keys([run.config for run in begun])], axis=1)
    runs = runs.sort_values([*IDENTITY[1:], IDENTITY[0]], na_position="first", ignore_index=True)
    tables_of = {run.record["run_id"]: run.tables for run in begun}
    tables = {
        name: _joined([table for run_id in runs.run_id for table in tables_of[run_id].get(name, [])], columns)
        for name, columns in MEASURED.items()
    }
    try:
        magnification = read_table(folder / "magnification.csv", MAGNIFICATION_COLUMNS)
    except DataError as error:
        magnification, spoilt = empty(MAGNIFICATION_COLUMNS), [*spoilt, str(error)]
    as_written = runs.to_csv(index=False).encode("utf-8", "backslashreplace")
    as_read = parsed(as_written, RUN_COLUMNS)  # the very values that a reader of runs.csv has
    return Results(runs=as_read, **tables, magnification=magnification, spoilt=tuple(spoilt))


def write_tables(folder: Path, results: Results) -> None:
    """Write the tables that `gather` gives; those of geometry where they have rows, or had some."""
    for name in MEASURED:
        table, path = getattr(results, name), folder / f"{name}.csv"
        if name == "curves" or len(table) or path.exists():
            write_csv(path, table)
    write_csv(folder / "runs.csv", results.runs)  # last: where it is, the other tables are too


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
    run = _Run(record, completed(read_config(path)))
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
    file = folder / f"{name}.csv"
    try:
        return parsed(file.read_bytes(), MEASURED[name])
    except FileNotFoundError:  # its run is being done again just now
        return empty(MEASURED[name])
    except (ValueError, OverflowError) as error:
        raise spoilt_table(folder, file, error) from error


def _joined(tables: list[pd.DataFrame], columns: dict[str, str]) -> pd.DataFrame:
    return pd.concat([empty(columns), *tables], ignore_index=True)


def _differing_keys(configs: list[dict[str, Any]]) -> pd.DataFrame:
    """The config keys without a column of their own in which the runs that have them differ, in a column each.

    A run doesn't have the keys of other options, nor those without effect on it: there they are missing.
    """
    flat = [_flat(config) for config in configs]
    values: dict[str, set[str]] = {}
    for config in flat:
        for key, value in config.items():
            values.setdefault(key, set()).add(str(value))
    keys = [key for key, found in values.items() if key not in SHOWN_KEYS and len(found) > 1]
    return pd.DataFrame([{key: config.get(key) for key in keys} for config in flat], columns=keys)


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """A nested mapping with its keys joined by dots; lists stay values."""
    if not isinstance(tree, dict):
        return {prefix.removesuffix("."): tree}
    return {key: value for name, branch in tree.items() for key, value in _flat(branch, f"{prefix}{name}.").items()}
