"""The one address of a run: what becomes of it on the way, and that its id is computed once."""

import json
import math
import pickle
from dataclasses import replace

import pandas as pd
import pytest
import torch
import yaml

from command_line import SMALL, invoke
from geomsym.config import ArchitectureConfig, GridConfig, RunConfig, TransformConfig, keep_initial_weights
from geomsym.errors import ConfigError
from geomsym.results import LAYOUT, MEANING, RunFolder, canonical, described, run_id, scan_id

VERSION = {"layout": LAYOUT, "meaning": MEANING}


@pytest.fixture
def folder(tmp_path, tiny):
    return RunFolder(tmp_path / "x", tiny())


def test_a_run_lies_in_a_folder_of_its_experiment_under_its_id(tmp_path, tiny):
    folder = RunFolder(tmp_path / "x", tiny())
    assert folder.id == run_id(tiny()) and folder.path == tmp_path / "x" / "runs" / folder.id
    scan = folder.scan(GridConfig())
    assert scan.id == scan_id(GridConfig()) and scan.path == folder.path / "scans" / scan.id


def test_configurations_of_the_same_run_have_the_same_folder_and_the_same_configuration(tmp_path, tiny):
    cfg = tiny(transform=TransformConfig("global_rotation"), seed=4)
    other = replace(cfg, transform=replace(cfg.transform, seed=4), architecture=replace(cfg.architecture, window=2))
    one, two = RunFolder(tmp_path, cfg), RunFolder(tmp_path, other)
    assert one.path == two.path and one.cfg == two.cfg == canonical(other) != other
    assert isinstance(two.cfg, RunConfig) and two.cfg.architecture.window == ArchitectureConfig.window
    assert two.identity["transform_seed"] == 4


def test_from_planned_to_finished(folder):
    seen = [folder.status]
    folder.plan()
    seen.append(folder.status)
    folder.begin("cpu")
    seen.append(folder.status)
    folder.finish(
        "unfitted",
        "cpu",
        1.23456,
        {"steps": 7, "parameters": math.nan},
        [(0, 0.0, "test", "accuracy", 0.5)],
        ["a", "b"],
    )
    assert [*seen, folder.status] == ["left", "left", "interrupted", "unfitted"]
    assert folder.is_finished and folder.trouble is None
    outcome = {"status": "unfitted", "device": "cpu", "seconds": 1.235, "steps": 7}
    assert folder.record() == VERSION | folder.identity | outcome
    curve = pd.read_csv(folder.path / "curves.csv")
    assert curve.values.tolist() == [[folder.id, 0, 0.0, "test", "accuracy", 0.5]]
    assert (folder.path / "classes.csv").read_text() == "class,name\n0,a\n1,b\n"


@pytest.mark.parametrize("status", ["ok", "unfitted", "diverged"])
def test_a_poor_result_is_a_result(folder, status):
    folder.begin("cpu")
    folder.finish(status, "cpu", 0.1, {})
    assert folder.status == status and folder.is_finished


def test_a_failure_is_no_result_and_is_forgotten_by_the_next_beginning(folder):
    folder.begin("cpu")
    folder.fail(ConfigError("a.b", None, "give c"), "cpu")
    assert folder.status == "failed" and not folder.is_finished
    assert folder.record()["error"] == "a.b=null: give c"
    assert (folder.path / "error.txt").read_text().endswith("ConfigError: a.b=null: give c\n")
    folder.begin("cpu")
    assert folder.status == "interrupted"


def test_a_full_disk_is_not_hidden_by_what_could_not_be_written_of_it(folder, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    folder.begin("cpu")
    monkeypatch.setattr("geomsym.results.run_folder.write_text", full)
    folder.fail(RuntimeError("the error that is told"), "cpu")
    assert folder.status == "interrupted"


def test_a_plan_has_the_versions_and_the_values_and_is_not_written_twice(folder, tiny):
    folder.plan()
    path = folder.path / "config.yaml"
    assert yaml.safe_load(path.read_text()) == VERSION | described(tiny())
    before = path.stat().st_mtime_ns
    folder.plan()
    assert path.stat().st_mtime_ns == before and not folder.is_finished
    path.write_text("cut off: [")
    folder.plan()
    assert yaml.safe_load(path.read_text()) == VERSION | described(tiny())


def test_weights_are_kept_and_had_again(folder):
    states = {0: {"w": torch.eye(2)}, 5: {"w": torch.zeros(3)}}
    folder.begin("cpu")
    folder.finish("ok", "cpu", 0.1, {}, states=states)
    found = folder.states("cpu")
    assert list(found) == [0, 5] and torch.equal(found[0]["w"], torch.eye(2))


@pytest.fixture
def computed(monkeypatch):
    """The ids of runs that are computed, in order; those of scans are shorter."""
    found, plain = [], identity_module().digest

    def digest(record, digits):
        made = plain(record, digits)
        found.extend([made] if digits == 12 else [])
        return made

    monkeypatch.setattr(identity_module(), "digest", digest)
    return found


def identity_module():
    from geomsym.results import identity as module

    return module


def test_nothing_that_is_asked_of_a_folder_computes_its_id_again(folder, computed):
    other = pickle.loads(pickle.dumps(folder))
    for each in (folder, other):
        each.plan()
        each.begin("cpu")
        each.finish("ok", "cpu", 0.1, {})
        assert each.is_finished and each.record()["run_id"] == folder.id
        each.take_over()
        each.scan(GridConfig())
    assert computed == []
    assert RunFolder(folder.experiment, folder.cfg).id == folder.id and computed == [folder.id]


SWEEP = ["sweep", *SMALL, "seed=0,1,2"]
COMMANDS = {
    "train": (["train", *SMALL], 1),
    "sweep": ([*SWEEP, "--workers", 1], 3),
    "dry run": ([*SWEEP, "--dry-run"], 3),
    "volume": (["volume", *SMALL, "seed=0,1", "--grid", "geometry.resolution=3", "--workers", 1], 2),
    "verify": (["verify", "distribution", *SMALL, "transform=global_rotation", "--seeds", 2, "--workers", 1,
                "--margin", 99], 4),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_computes_the_id_of_each_run_once(tmp_path, computed, name):
    arguments, runs = COMMANDS[name]
    for _ in range(2):  # the second time, everything is done already
        invoke(*arguments, "--out", tmp_path, *([] if name == "dry run" else ["--device", "cpu"]))
        assert len(computed) == len(set(computed)) == runs
        computed.clear()
    done = [path.parent.name for path in tmp_path.rglob("metrics.json")]
    assert len(done) == (0 if name == "dry run" else runs)


def test_two_overrides_of_the_same_run_are_one_run(tmp_path):
    shown = invoke("sweep", *SMALL, "architecture.window=2,4", "--out", tmp_path, "--dry-run", "--json")
    assert len(json.loads(shown.stdout)) == 1


def test_a_run_keeps_the_weights_that_are_measured(tiny):
    assert keep_initial_weights(tiny()).inference.checkpoint_steps == [0]
    chosen = replace(tiny(), inference=replace(tiny().inference, checkpoint_steps=[0, 5, 20]))
    assert keep_initial_weights(chosen) == chosen
