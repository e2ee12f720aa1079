"""Scans in run folders: whole or absent, found again, and joined into the experiment's tables."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from geomsym.cli.compose import compose
from geomsym.columns import ANCHOR_COLUMNS, GEOMETRY_COLUMNS, SPECTRUM_COLUMNS
from geomsym.config import GridConfig, PathConfig
from geomsym.errors import ConfigError, DataError
from geomsym.execute import folder_of, is_finished, keep_initial_weights, perform, scans
from geomsym.execute.scans import (
    copy_finished_run,
    is_scanned,
    perform_scan,
    scan_folder,
    scan_id,
    write_magnification,
)
from geomsym.results import collect, load

GRID = GridConfig(resolution=5)


@pytest.fixture
def point_run(tiny):
    """A run on points of the plane that keeps its first and last weights."""
    return keep_initial_weights(tiny())


def test_a_run_keeps_the_weights_that_are_measured(tiny):
    assert keep_initial_weights(tiny()).inference.checkpoint_steps == [0]
    chosen = replace(tiny(), inference=replace(tiny().inference, checkpoint_steps=[0, 5, 20]))
    assert keep_initial_weights(chosen) == chosen
    with pytest.raises(ConfigError, match="inference=ntk: has no trained network to measure: give nn, nn_plus or"):
        keep_initial_weights(compose(["inference=ntk"]))


def test_every_setting_is_another_scan():
    assert scan_id(GRID) == scan_id(GridConfig(resolution=5))
    others = [GridConfig(), replace(GRID, layer="1"), replace(GRID, normalization="none"), PathConfig()]
    assert len({scan_id(cfg) for cfg in [GRID, *others]}) == 5


def test_a_scan_is_written_and_collected(tmp_path, point_run):
    experiment = tmp_path / "x"
    perform(experiment, point_run, "cpu")
    assert not is_scanned(experiment, point_run, GRID)
    perform_scan(experiment, point_run, GRID, "cpu")
    assert is_scanned(experiment, point_run, GRID) and not is_scanned(experiment, point_run, GridConfig())
    folder = scan_folder(experiment, point_run, GRID)
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "anchors.csv", "spectra.csv", "geometry.csv"}
    perform_scan(experiment, point_run, replace(GRID, resolution=3), "cpu")
    collect(experiment)
    tables = load(experiment)
    for table, columns in (
        (tables.geometry, GEOMETRY_COLUMNS),
        (tables.spectra, SPECTRUM_COLUMNS),
        (tables.anchors, ANCHOR_COLUMNS),
    ):
        assert list(table) == list(columns) and {name: str(table[name].dtype) for name in columns} == columns
        assert set(table.run_id) == {folder.parents[1].name} and table.scan.nunique() == 2
    assert len(tables.geometry) == 2 * (25 + 9)
    assert tables.geometry.step.unique().tolist() == [0, 20]


def test_a_scan_that_was_interrupted_is_no_scan(tmp_path, point_run, monkeypatch):
    experiment = tmp_path / "x"
    perform(experiment, point_run, "cpu")
    real = scans.write_csv

    def full(path, table):
        if path.name == "geometry.csv":
            raise OSError("no space left on device")
        real(path, table)

    monkeypatch.setattr(scans, "write_csv", full)
    with pytest.raises(OSError, match="no space"):
        perform_scan(experiment, point_run, GRID, "cpu")
    assert not is_scanned(experiment, point_run, GRID)
    assert collect(experiment).spectra.empty and not (experiment / "spectra.csv").exists()


def test_without_weights_there_is_nothing_to_measure(tmp_path, point_run):
    perform(tmp_path / "x", point_run, "cpu")
    (folder_of(tmp_path / "x", point_run) / "checkpoint.pt").unlink()
    with pytest.raises(DataError, match="no weights were kept of this run, which is unfitted"):
        perform_scan(tmp_path / "x", point_run, GRID, "cpu")


def test_a_finished_run_of_another_experiment_is_taken_over(tmp_path, point_run):
    perform(tmp_path / "train", point_run, "cpu")
    perform_scan(tmp_path / "train", point_run, GRID, "cpu")
    copy_finished_run(tmp_path / "volume", point_run)
    assert is_finished(tmp_path / "volume", point_run) and not is_scanned(tmp_path / "volume", point_run, GRID)
    states = [torch.load(folder_of(tmp_path / name, point_run) / "checkpoint.pt") for name in ("train", "volume")]
    assert all(torch.equal(states[0][20][key], value) for key, value in states[1][20].items())
    other = replace(point_run, seed=7)
    copy_finished_run(tmp_path / "volume", other)
    assert not folder_of(tmp_path / "volume", other).exists()


def test_statistics_over_seeds_and_against_shuffled_labels(tmp_path, point_run):
    experiment = tmp_path / "x"
    runs = [replace(point_run, seed=seed, data=replace(point_run.data, shuffle_labels=shuffle))
            for shuffle in (False, True) for seed in range(3)]  # fmt: skip
    for cfg in runs:
        perform(experiment, cfg, "cpu")
        perform_scan(experiment, cfg, GRID, "cpu")
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
