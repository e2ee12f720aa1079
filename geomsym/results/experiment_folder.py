"""The experiments under a folder, and what became of their runs.

Importing this module takes neither pandas nor torch.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from geomsym.files import require_writable_folder
from geomsym.results.records import (
    RUNS,
    STATUSES,
    SpoiltRun,
    check_scan_tables,
    finished_scans,
    read_record,
    unreadable,
)

RUN_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Found:
    """What became of a run, and what is wrong with its folder, if anything."""

    status: str
    trouble: str | None = None


def experiments(folder: Path) -> Iterator[Path]:
    """The experiment folders at or under a folder, in alphabetical order."""
    if _is_dir(folder / RUNS):
        yield folder
    elif folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if _is_dir(path / RUNS))


def run_folders(experiment: Path) -> list[Path]:
    """Everything in an experiment's folder that is a run, or should be one, by its name or its config.yaml."""
    try:
        found = sorted((experiment / RUNS).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(experiment, experiment / RUNS, error) from error
    return [path for path in found if (_is_begun(path) if RUN_ID.fullmatch(path.name) else _has_config(path))]


def survey(experiment: Path) -> dict[Path, Found]:
    """What became of every run of an experiment."""
    try:
        return {path: _found(path) for path in run_folders(experiment)}
    except SpoiltRun as error:
        return {experiment / RUNS: Found(error.status, str(error))}


def statuses(experiment: Path) -> dict[str, int]:
    """How many runs of an experiment there are of each status."""
    return counted(survey(experiment).values())


def counted(found: Iterable[Found]) -> dict[str, int]:
    """How many runs there are of each status."""
    statuses = [run.status for run in found]
    return {status: statuses.count(status) for status in STATUSES}


def require_room(experiment: Path) -> None:
    """Raise `DataError` where an experiment's tables, or the folder of a new run, couldn't be written."""
    for folder in (experiment, experiment / RUNS, experiment / RUNS / ("0" * 12)):
        require_writable_folder(folder)


def _found(path: Path) -> Found:
    try:
        record = read_record(path)
        for scan in finished_scans(path):
            check_scan_tables(scan)
    except SpoiltRun as error:
        return Found(error.status, str(error))
    return Found(record["status"])


def _is_begun(path: Path) -> bool:
    """Whether there is more than an empty folder, or one with a temporary file, as after a crash at the very start."""
    try:
        return not path.is_dir() or any(not item.name.startswith(".") for item in path.iterdir())
    except OSError:
        return True


def _has_config(path: Path) -> bool:
    try:
        return not path.name.startswith(".") and (path / "config.yaml").is_file()
    except OSError:
        return False


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
