"""Measure the geometry of finished runs, and hand it to their folders; statistics of it over seeds."""

from pathlib import Path

import pandas as pd

from geomsym.analysis import setting_columns
from geomsym.analysis.magnification import magnification, statistics
from geomsym.config import GeometryConfig
from geomsym.files import write_csv
from geomsym.inference import ReportProgress, silent
from geomsym.results import Results, RunFolder
from geomsym.scan import measure


def perform_scan(folder: RunFolder, geometry: GeometryConfig, device: str, report: ReportProgress = silent) -> None:
    """Measure a finished run and write its tables."""
    found = measure(folder.cfg, geometry, folder.states(device), device, report)
    folder.scan(geometry).write({"geometry": found.geometry, "spectra": found.spectra, "anchors": found.anchors})


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
