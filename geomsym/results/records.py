"""What the files of one run folder say, and whether they are whole.

    <experiment>/runs/<run_id>/   config.yaml  environment.json  curves.csv  classes.csv  checkpoint.pt  metrics.json

A planned run has only its config.yaml, a run that has begun also environment.json; metrics.json is written last, so
that a run without it isn't finished and will be redone. All of them are written whole or not at all. A file that isn't
was cut off or changed by something else: its run is spoilt, and keeps nobody from the others.

Importing this module takes neither pandas nor torch.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from geomsym.errors import DataError
from geomsym.results.identity import LAYOUT, MEANING
from geomsym.results.schema import CURVE_COLUMNS, IDENTITY, RESERVED, SCAN_TABLES, misfit
from geomsym.system_errors import TRANSIENT, explanation

RUNS = "runs"
"""The folder of an experiment that its run folders are in, each under its run's id."""

VERSION = {"layout": LAYOUT, "meaning": MEANING}
"""What the files of a run say of the version that wrote them."""

WITH_RESULT = ("ok", "unfitted", "diverged")
"""Statuses of runs that have a result; all others are done again by the same command."""

FINISHED = (*WITH_RESULT, "failed")
"""What metrics.json says of a run."""

STATUSES = (*FINISHED, "interrupted", "left", "spoilt", "other_version")
"""What can become of a run: failed, interrupted, left and spoilt ones are (re)done by the same command.

Where another version wrote a run that has the same id in this one, that is done again too; else it has another id here,
and is left alone.
"""


class SpoiltRun(DataError):
    """A run folder that can't be used; the message names the file, what is wrong, and what to do."""

    status = "spoilt"


class OtherVersion(SpoiltRun):
    """A run folder that another version of the program has written."""

    status = "other_version"


def read_record(path: Path) -> dict[str, Any]:
    """The row of one run folder: what metrics.json says, or «interrupted», or «left» for one that hasn't begun.

    Raises `SpoiltRun`, with the file's name, for a folder that isn't as the program leaves it.
    """
    metrics = _json(path, "metrics.json")
    if metrics is not None:
        _check_metrics(path, metrics)
        read_config(path)
        check_table(path, path / "curves.csv", CURVE_COLUMNS)
        return metrics
    begun = _json(path, "environment.json")
    record = {"run_id": path.name, "status": "left"} if begun is None else _interrupted(path, begun)
    if begun is not None or (path / "config.yaml").exists():
        read_config(path)
    return record


def read_config(path: Path) -> dict[str, Any]:
    """The values, as `described` gives them, of the run that a folder was made for."""
    file = path / "config.yaml"
    text = _text(path, file)
    if text is None:
        raise _spoilt(path, file, "is missing")
    try:
        config = yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise _spoilt(path, file, f"not valid YAML ({_line(error)})") from error
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise _spoilt(path, file, f"{_kind(config)}, not a configuration")
    _check_version(path, config)
    return {key: value for key, value in config.items() if key not in RESERVED}


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The compiled one, where there is one, is ten times as fast."""


def finished_scans(path: Path) -> list[Path]:
    """The folders of a run's finished scans; of their tables geometry.csv is written last."""
    return sorted(file.parent for file in path.glob("scans/*/geometry.csv"))


def check_scan_tables(scan: Path) -> None:
    """Raise `SpoiltRun` where a table of a scan is cut off or isn't one."""
    for name, columns in SCAN_TABLES.items():
        check_table(scan, scan / f"{name}.csv", columns)


def check_table(folder: Path, file: Path, columns: Mapping[str, str]) -> None:
    """Raise `SpoiltRun` where a CSV file lacks columns or its last line's end; looks at nothing in between."""
    try:
        with file.open("rb") as stream:
            header = stream.readline(10_000)
            if not header:
                raise _spoilt(folder, file, "empty")
            stream.seek(-1, os.SEEK_END)
            end = stream.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(folder, file, error) from error
    lacking = set(columns) - set(header.decode("utf-8", "replace").strip().split(","))
    if lacking:
        raise _spoilt(folder, file, f"not the table that it should be: lacks {', '.join(sorted(lacking))}")
    if end != b"\n":
        raise _spoilt(folder, file, "cut off in its last line")


def spoilt_table(folder: Path, file: Path, error: Exception) -> SpoiltRun:
    """The error for a table of a run or scan folder that can't be parsed."""
    return _spoilt(folder, file, f"not a readable table ({_line(error)})")


def unreadable(folder: Path, file: Path, error: OSError) -> Exception:
    """The error for a file that can't be read; refusals that have nothing to do with the file stay what they are."""
    if error.errno in TRANSIENT:
        return error
    if isinstance(error, NotADirectoryError):
        return _spoilt(folder, folder, "a file where a folder should be")
    return SpoiltRun(explanation(OSError(error.errno, error.strerror, str(file))) or str(folder))


def _check_metrics(path: Path, record: dict[str, Any]) -> None:
    file = path / "metrics.json"
    if not any(isinstance(record.get(name), int) for name in ("layout", "schema_version")):
        raise _spoilt(path, file, "the records have no version")
    _check_version(path, record)
    if record.get("status") not in FINISHED:
        raise _spoilt(path, file, f"the status is {record.get('status')!r}, not one of {', '.join(FINISHED)}")
    _check_row(path, file, record)


def _check_version(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse what another version has written. Up to version 3 one number was both, and metrics.json alone had it."""
    for name, current in VERSION.items():
        found = record.get(name, record.get("schema_version", "3 or earlier"))
        if found != current:
            versions = f"a run with {name} version {found}, and this geomsym has version {current}"
            raise OtherVersion(f"{path}: {versions}; read it with the geomsym that made it, or delete the folder")


def _check_row(path: Path, file: Path, record: dict[str, Any]) -> None:
    """Refuse a record without its identity, of another run, or with values that don't fit their columns."""
    lacking = [name for name in IDENTITY if name not in record]
    if lacking:
        raise _spoilt(path, file, f"lacks {', '.join(lacking)}")
    wrong = next(filter(None, (misfit(*item) for item in record.items() if item[0] not in RESERVED)), None)
    if wrong:
        raise _spoilt(path, file, wrong)
    if record["run_id"] != path.name:
        raise _spoilt(path, file, f"of the run {record['run_id']}, not of the one that names the folder")


def _interrupted(path: Path, begun: dict[str, Any]) -> dict[str, Any]:
    file = path / "environment.json"
    identity, device = begun.get("identity"), begun.get("device")
    if not isinstance(identity, dict) or not isinstance(device, str):
        raise _spoilt(path, file, "lacks the run's identity or its device")
    _check_version(path, begun)
    record = identity | {"status": "interrupted", "device": device}
    _check_row(path, file, record)
    return record


def _json(path: Path, name: str) -> dict[str, Any] | None:
    """What a JSON file of a run folder holds, or None where it isn't there."""
    text = _text(path, path / name)
    if text is None:
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _spoilt(path, path / name, f"not valid JSON ({_line(error)})") from error
    if not isinstance(record, dict):
        raise _spoilt(path, path / name, f"{_kind(record)}, not a record")
    return record


def _text(path: Path, file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise _spoilt(path, file, f"not text ({_line(error)})") from error
    except OSError as error:
        raise unreadable(path, file, error) from error


def _spoilt(folder: Path, file: Path, what: str) -> SpoiltRun:
    again = "the scan is measured" if folder.parent.name == "scans" else "the run is done"
    this = f"the {'folder' if folder.is_dir() else 'file'} {folder}"
    return SpoiltRun(f"{file}: {what}; delete {this}, and {again} again by the command that made it")


def _kind(value: object) -> str:
    return {list: "a list", dict: "a mapping", type(None): "empty"}.get(type(value), "a single value")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100]
