"""Measure the geometry of a finished run and write it down, in its folder.

    runs/<run_id>/scans/<scan>/   config.yaml  anchors.csv  spectra.csv  geometry.csv

<scan> is a hash of where and how geometry is measured; geometry.csv is written last, so that a scan without it isn't
finished.
"""

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from omegaconf import OmegaConf

from geomsym.analysis import setting_columns
from geomsym.analysis.magnification import magnification, statistics
from geomsym.columns import SCAN_TABLES
from geomsym.config import GeometryConfig, RunConfig
from geomsym.errors import DataError
from geomsym.execute.planning import folder_of, is_finished, trouble
from geomsym.files import write_csv, write_text
from geomsym.identity import SCHEMA_VERSION, run_id
from geomsym.inference import ReportProgress, silent
from geomsym.results import Results
from geomsym.run_folders import SpoiltRun, check_scan_tables, read_record
from geomsym.scan import State, measure
from geomsym.system_errors import explanation


def scan_id(cfg: GeometryConfig) -> str:
    """Eight hexadecimal digits that name a way to measure geometry."""
    text = json.dumps({"schema_version": SCHEMA_VERSION} | asdict(cfg), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def scan_folder(experiment: Path, cfg: RunConfig, geometry: GeometryConfig) -> Path:
    """Where a scan of a run keeps its files."""
    return folder_of(experiment, cfg) / "scans" / scan_id(geometry)


def is_scanned(experiment: Path, cfg: RunConfig, geometry: GeometryConfig) -> bool:
    """Whether the scan is finished, and its tables are whole."""
    folder = scan_folder(experiment, cfg, geometry)
    try:
        check_scan_tables(folder)
    except SpoiltRun:
        return False
    return (folder / "geometry.csv").is_file()


def perform_scan(
    experiment: Path, cfg: RunConfig, geometry: GeometryConfig, device: str, report: ReportProgress = silent
) -> None:
    """Measure a finished run and write its tables."""
    states = _states(folder_of(experiment, cfg), device)
    found = measure(cfg, geometry, states, device, report)
    folder = scan_folder(experiment, cfg, geometry)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(geometry))))
    for name in ("anchors", "spectra", "geometry"):  # the last says that the scan is finished
        table = getattr(found, name).assign(run_id=run_id(cfg), scan=scan_id(geometry))
        write_csv(folder / f"{name}.csv", table.reindex(columns=list(SCAN_TABLES[name])))


def _states(run: Path, device: str) -> dict[int, State]:
    """The weights that were kept of a run, by step; raises `DataError` where they can't be had."""
    path = run / "checkpoint.pt"
    again = f"delete the folder {run}, and the same command trains the run again"
    if not path.is_file():
        status = read_record(run)["status"]
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


def _are_states(found: object) -> bool:
    """Whether this is {step: {name: tensor}}."""
    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(step, int) and isinstance(state, dict) for step, state in found.items())
        and all(isinstance(value, torch.Tensor) for state in found.values() for value in state.values())
    )


def copy_finished_run(experiment: Path, cfg: RunConfig) -> None:
    """Copy the run's folder from another experiment beside this one where it is finished there and not here.

    A spoilt folder isn't replaced: that is left to doing the run again.
    """
    if is_finished(experiment, cfg) or trouble(experiment, cfg):
        return
    for other in sorted(experiment.parent.glob(f"*/runs/{run_id(cfg)}")):
        if is_finished(other.parents[1], cfg):
            target, copy = folder_of(experiment, cfg), experiment / f".{run_id(cfg)}"
            shutil.rmtree(copy, ignore_errors=True)  # of a copy that was interrupted
            shutil.copytree(other, copy, ignore=shutil.ignore_patterns("scans"), copy_function=shutil.copyfile)
            copy.chmod(0o755)  # of someone else's results the copy is the user's own
            target.parent.mkdir(exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)  # of a run that was
            copy.rename(target)
            return


def write_magnification(experiment: Path, results: Results) -> pd.DataFrame:
    """Statistics of all scans of an experiment over its seeds, as magnification.csv."""
    table = magnification_of(results)
    write_csv(experiment / "magnification.csv", table)
    return table


def magnification_of(results: Results) -> pd.DataFrame:
    """Statistics of all scans of an experiment over its seeds; diverged runs are left out."""
    runs, label = results.runs.query("status != 'diverged'"), "data.shuffle_labels"
    shuffled = runs[label].astype(bool) if label in runs else pd.Series(False, index=runs.index)
    columns = [column for column in setting_columns(runs) if column not in (label, "seed")]
    return magnification(
        statistics(results.geometry), runs[["run_id", "seed", *columns]].assign(shuffled_labels=shuffled)
    )
