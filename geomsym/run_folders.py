"""Records of runs on disk: what the files of a run folder say.

    <folder>/runs/<run_id>/   config.yaml  environment.json  curves.csv  checkpoint.pt  metrics.json
    <folder>/runs/<run_id>/scans/<scan>/   config.yaml  anchors.csv  spectra.csv  geometry.csv

A planned run has only its config.yaml, a run that has begun also environment.json; metrics.json is written last, so
that a run without it isn't finished and will be redone. Importing this module takes neither pandas nor torch.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geomsym.errors import DataError
from geomsym.identity import SCHEMA_VERSION

STATUSES = ("ok", "unfitted", "diverged", "failed", "interrupted", "left")
"""What can become of a run: of these, failed, interrupted and left ones are (re)done by the same command."""


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
