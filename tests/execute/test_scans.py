"""Scans in run folders: whole or absent, found again, and joined into the experiment's tables."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from geomsym.config import GridConfig, keep_initial_weights
from geomsym.errors import DataError
from geomsym.execute import perform, perform_scan
from geomsym.execute.scans import write_magnification
from geomsym.results import (
    ANCHOR_COLUMNS,
    GEOMETRY_COLUMNS,
    SPECTRUM_COLUMNS,
    RunFolder,
    collect,
    load,
    scan_folder,
)

GRID = GridConfig(resolution=5)


@pytest.fixture
def point_run(tmp_path, tiny):
    """A finished run on points of the plane that keeps its first and last weights."""
    folder = RunFolder(tmp_path / "x", keep_initial_weights(tiny()))
    perform(folder, "cpu")
    return folder


def test_a_scan_is_written_and_collected(point_run):
    experiment, scan = point_run.experiment, point_run.scan(GRID)
    assert not scan.is_finished
    perform_scan(point_run, GRID, "cpu")
    assert scan.is_finished and not point_run.scan(GridConfig()).is_finished
    assert {path.name for path in scan.path.iterdir()} == {"config.yaml", "anchors.csv", "spectra.csv", "geometry.csv"}
    perform_scan(point_run, replace(GRID, resolution=3), "cpu")
    collect(experiment)
    tables = load(experiment)
    for table, columns in (
        (tables.geometry, GEOMETRY_COLUMNS),
        (tables.spectra, SPECTRUM_COLUMNS),
        (tables.anchors, ANCHOR_COLUMNS),
    ):
        assert list(table) == list(columns) and {name: str(table[name].dtype) for name in columns} == columns
        assert set(table.run_id) == {point_run.id} and table.scan.nunique() == 2
    assert len(tables.geometry) == 2 * (25 + 9)
    assert tables.geometry.step.unique().tolist() == [0, 20]


def test_a_scan_that_was_interrupted_is_no_scan(point_run, monkeypatch):
    real = scan_folder.write_csv

    def full(path, table):
        if path.name == "geometry.csv":
            raise OSError("no space left on device")
        real(path, table)

    monkeypatch.setattr(scan_folder, "write_csv", full)
    with pytest.raises(OSError, match="no space"):
        perform_scan(point_run, GRID, "cpu")
    assert not point_run.scan(GRID).is_finished
    assert collect(point_run.experiment).spectra.empty and not (point_run.experiment / "spectra.csv").exists()


def test_without_weights_there_is_nothing_to_measure(point_run):
    (point_run.path / "checkpoint.pt").unlink()
    with pytest.raises(DataError, match="no weights were kept of this run, which is unfitted"):
        perform_scan(point_run, GRID, "cpu")


def test_a_finished_run_of_another_experiment_is_taken_over(tmp_path, point_run):
    perform_scan(point_run, GRID, "cpu")
    here = RunFolder(tmp_path / "volume", point_run.cfg)
    here.take_over()
    assert here.is_finished and not here.scan(GRID).is_finished
    there, copied = point_run.states("cpu"), here.states("cpu")
    assert all(torch.equal(there[20][key], value) for key, value in copied[20].items())
    other = RunFolder(tmp_path / "volume", replace(point_run.cfg, seed=7))
    other.take_over()
    assert not other.path.exists()


def test_statistics_over_seeds_and_against_shuffled_labels(tmp_path, point_run):
    experiment, cfg = tmp_path / "seeds", point_run.cfg
    runs = [RunFolder(experiment, replace(cfg, seed=seed, data=replace(cfg.data, shuffle_labels=shuffle)))
            for shuffle in (False, True) for seed in range(3)]  # fmt: skip
    for folder in runs:
        perform(folder, "cpu")
        perform_scan(folder, GRID, "cpu")
    written = write_magnification(experiment, collect(experiment))
    table = load(experiment).magnification
    assert list(table) == list(written) and len(table) == len(written)
    controls = {"trained", "initialisation", "shuffled", "trained - initialisation", "trained - shuffled"}
    assert set(table.control) == controls and "data.shuffle_labels" not in table
    margins = table[table.statistic == "spearman_margin"].set_index("control")
    assert margins.seeds.tolist() == [3] * 5
    shown = margins["mean"].astype(float)
    assert shown["trained - shuffled"] == pytest.approx(shown["trained"] - shown["shuffled"])
    assert pd.notna(margins.low).all()
