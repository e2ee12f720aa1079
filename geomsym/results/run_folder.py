"""The one address of a run: where its files lie, what they say, and how they are written.

    <experiment>/runs/<run_id>/   config.yaml  environment.json  curves.csv  classes.csv  checkpoint.pt  metrics.json
    <experiment>/runs/<run_id>/scans/<scan>/   config.yaml  anchors.csv  spectra.csv  geometry.csv

classes.csv has the names of the classes 0 … K−1: of folders, or the labels of the user's arrays.

A run can be planned, and its status told, without pandas and torch: they are loaded by what needs them.
"""

import shutil
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from geomsym.config import GeometryConfig, RunConfig
from geomsym.errors import DataError
from geomsym.files import write_atomically, write_csv, write_json, write_text
from geomsym.results.identity import canonical, described, run_id
from geomsym.results.records import RUNS, VERSION, WITH_RESULT, SpoiltRun, read_config, read_record
from geomsym.results.scan_folder import ScanFolder
from geomsym.results.schema import CURVE_COLUMNS, identity, misplaced_metric
from geomsym.system_errors import explanation

if TYPE_CHECKING:
    from torch import Tensor

States = Mapping[int, "Mapping[str, Tensor]"]
"""A network's parameters by name, at some training steps."""


class RunFolder:
    """A run of an experiment: its id, its files, and what has become of it.

    It is planned, begun, and then finished or failed; metrics.json is written last, so that a run without it isn't
    finished. `cfg` is the canonical configuration of the run, which other ones may mean too.
    """

    def __init__(self, experiment: Path, cfg: RunConfig):
        self.experiment = experiment
        self.cfg = canonical(cfg)
        self.id = run_id(self.cfg)

    def __repr__(self) -> str:
        return f"RunFolder({self.path})"

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.experiment / RUNS / self.id

    @property
    def identity(self) -> dict[str, Any]:
        """The columns that say which run this is."""
        return identity(self.cfg, self.id)

    def record(self) -> dict[str, Any]:
        """The run's row, as `read_record` gives it; raises `SpoiltRun` where the folder can't be used."""
        return read_record(self.path)

    @property
    def status(self) -> str:
        """What has become of the run, one of `STATUSES`."""
        try:
            return self.record()["status"]
        except SpoiltRun as error:
            return error.status

    @property
    def is_finished(self) -> bool:
        """Whether the run has a result that can be read: ok, unfitted or diverged."""
        return self.status in WITH_RESULT

    @property
    def trouble(self) -> str | None:
        """What is wrong with the folder, if it is spoilt; doing the run again replaces its files."""
        try:
            self.record()
        except SpoiltRun as error:
            return str(error)

    def plan(self) -> None:
        """Note that the run belongs to the experiment: its config.yaml, unless it is there and whole."""
        try:
            read_config(self.path)
        except SpoiltRun:
            text = yaml.safe_dump(VERSION | described(self.cfg), sort_keys=False, allow_unicode=True)
            write_text(self.path / "config.yaml", text)

    def begin(self, device: str) -> None:
        """Note that the run is at work, and where; what came of it before is forgotten."""
        from geomsym.results.environment import environment

        self.plan()
        (self.path / "metrics.json").unlink(missing_ok=True)
        write_json(self.path / "environment.json", VERSION | environment(device) | {"identity": self.identity})

    def finish(
        self,
        status: str,
        device: str,
        seconds: float,
        metrics: Mapping[str, float | str | None],
        curve: Iterable[tuple[int, float, str, str, float]] = (),
        class_names: Sequence[str] = (),
        states: States | None = None,
    ) -> None:
        """Write down what came of the run: its measurements, its weights where some were kept, and its row.

        `curve` has the columns of curves.csv but for the run's id: step, epoch, split, metric, value. Metrics that
        aren't finite are left out, as missing; what `RUNS` doesn't declare is a column in the tail of runs.csv. Raises
        `ValueError` for a metric that can't be one, before anything is written.
        """
        import pandas as pd

        _check_metrics(metrics)
        (self.path / "error.txt").unlink(missing_ok=True)
        rows = [(self.id, *row) for row in curve]
        write_csv(self.path / "curves.csv", pd.DataFrame(rows, columns=list(CURVE_COLUMNS)))
        write_csv(self.path / "classes.csv", pd.DataFrame(enumerate(class_names), columns=["class", "name"]))
        if states:
            write_atomically(self.path / "checkpoint.pt", lambda path: _save(states, path))
        self._write_metrics({"status": status, "device": device, "seconds": round(seconds, 3), **metrics})

    def fail(self, error: Exception, device: str) -> None:
        """Write down that an error ended the run, unless that can't be written: the error is what is to be told."""
        message = explanation(error) or f"{type(error).__name__}: {error}"
        with suppress(OSError):
            write_text(self.path / "error.txt", "".join(traceback.format_exception(error)))
            self._write_metrics({"status": "failed", "device": device, "error": message})

    def _write_metrics(self, outcome: dict[str, Any]) -> None:
        row = VERSION | self.identity | outcome
        write_json(self.path / "metrics.json", {name: value for name, value in row.items() if _is_there(value)})

    def scan(self, geometry: GeometryConfig) -> ScanFolder:
        """A scan of the run."""
        return ScanFolder(self.path, self.id, geometry)

    def states(self, device: str) -> "dict[int, dict[str, Tensor]]":
        """The weights that were kept of the run, by step, on a device; raises `DataError` where they can't be had."""
        import torch

        path = self.path / "checkpoint.pt"
        again = f"delete the folder {self.path}, and the same command trains the run again"
        if not path.is_file():
            status = self.record()["status"]
            remedy = "give another learning rate" if status == "diverged" else again
            raise DataError(f"{path}: no weights were kept of this run, which is {status}; {remedy}")
        try:
            states = torch.load(path, map_location=device, weights_only=True)
        except OSError:
            raise
        except Exception as error:  # pickle raises anything on a file that is something else
            if explanation(error):
                raise
            found = "it is cut off, or something else has written it, perhaps with code that would run on loading"
            raise DataError(f"{path}: not a checkpoint of this program ({found}); {again}") from error
        if not _are_states(states):
            raise DataError(f"{path}: holds something other than this program's weights; {again}")
        return states

    def take_over(self) -> None:
        """Copy the run from another experiment beside its own, where it is finished there and not here.

        A spoilt folder isn't replaced: that is left to doing the run again.
        """
        if self.is_finished or self.trouble:
            return
        for path in sorted(self.experiment.parent.glob(f"*/{RUNS}/{self.id}")):
            if self._within(path.parents[1]).is_finished:
                self._copy(path)
                return

    def _within(self, experiment: Path) -> "RunFolder":
        """The same run in another experiment."""
        other = copy(self)
        other.experiment = experiment
        return other

    def _copy(self, source: Path) -> None:
        unfinished = self.experiment / f".{self.id}"
        shutil.rmtree(unfinished, ignore_errors=True)  # of a copy that was interrupted
        shutil.copytree(source, unfinished, ignore=shutil.ignore_patterns("scans"), copy_function=shutil.copyfile)
        unfinished.chmod(0o755)  # of someone else's results the copy is the user's own
        self.path.parent.mkdir(exist_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)  # of a run that was
        unfinished.rename(self.path)


def _check_metrics(metrics: Mapping[str, object]) -> None:
    for name, value in metrics.items():
        trouble = misplaced_metric(name, value if _is_there(value) else None)
        if trouble:
            raise ValueError(f"metric {trouble}")


def _is_there(value: object) -> bool:
    """Whether a value is more than a missing one: JSON has no nan and no infinity."""
    return not isinstance(value, float) or isfinite(value)


def _save(states: States, path: Path) -> None:
    import torch

    with path.open("wb") as file:  # given a path, torch would write its temporary name into the file
        torch.save(states, file)


def _are_states(found: object) -> bool:
    """Whether this is {step: {name: tensor}}."""
    import torch

    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(step, int) and isinstance(state, dict) for step, state in found.items())
        and all(isinstance(value, torch.Tensor) for state in found.values() for value in state.values())
    )
