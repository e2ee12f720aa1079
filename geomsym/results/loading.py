"""The tidy tables of an experiment, from files.

Importing this module takes pandas, and no torch.
"""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from geomsym.errors import DataError
from geomsym.results.schema import MAGNIFICATION_COLUMNS, MEASURED, RUN_COLUMNS, kind_of


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
    >>> from geomsym.results import collect
    >>> with TemporaryDirectory() as folder:  # an experiment without runs
    ...     _ = collect(Path(folder))
    ...     list(load(folder).curves)
    ['run_id', 'step', 'epoch', 'split', 'metric', 'value']
    """
    folder = Path(folder)
    if not (folder / "runs.csv").is_file():
        raise DataError(f"{folder}: no runs.csv there; give the folder of an experiment, such as outputs/quickstart")
    tables = {"runs": RUN_COLUMNS} | MEASURED | {"magnification": MAGNIFICATION_COLUMNS}
    return Results(**{name: read_table(folder / f"{name}.csv", columns) for name, columns in tables.items()}, spoilt=())


def read_table(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """A table of an experiment, empty where there is none; raises `DataError` for a file that isn't one."""
    if not path.is_file():
        return empty(columns)
    try:
        return parsed(path.read_bytes(), columns)
    except (ValueError, OverflowError) as error:
        found = " ".join(str(error).split())[:100]
        again = "geomsym volume" if path.name == "magnification.csv" else "geomsym plot"
        raise DataError(f"{path}: not a readable table ({found}); delete it, and «{again}» makes it again") from error


def parsed(content: bytes, columns: dict[str, str]) -> pd.DataFrame:
    """CSV with the types of its columns; only an empty field is missing.

    The tail of runs.csv, which `columns` don't have, gets its types from its values. Config keys, with a dot in their
    names, are as pandas reads them.
    """
    tail = [name for name in map(str, _read(content, nrows=0)) if name not in columns and "." not in name]
    texts = _read(content, usecols=tail, dtype="string") if tail else {}
    kinds = {str(name): kind_of(map(_value, values)) for name, values in texts.items()}
    return _read(content, dtype=columns | kinds)


def empty(columns: dict[str, str]) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame(columns=list(columns)).astype(columns)


def _read(content: bytes, **options: Any) -> pd.DataFrame:
    return pd.read_csv(BytesIO(content), keep_default_na=False, na_values=[""], **options)


def _value(text: object) -> object:
    """What a field of a table holds: a number where JSON would read one, a truth value, else its text."""
    if not isinstance(text, str):
        return None
    if text in ("True", "False"):
        return text == "True"
    try:
        value = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text
