"""Results of another version are named, left out of the tables, and never taken for results of this one."""

import json
import re
from dataclasses import asdict

import pytest
import yaml

from command_line import SMALL, invoke
from geomsym.cli.compose import compose
from geomsym.errors import DataError
from geomsym.execute import perform
from geomsym.files import write_json, write_text
from geomsym.results import LAYOUT, MEANING, OtherVersion, RunFolder, collect, load, statuses

OLD_ID = "1545a5c89684"
"""An id of version 3, which version 4 gives to no run."""

COLUMNS = {
    "data": "sinusoid",
    "transform": "identity",
    "transform_strength": None,
    "transform_seed": 0,
    "architecture": "fcn",
    "width": 8,
    "depth": 2,
    "activation": "relu",
    "inference": "nn_plus",
    "subset_size": 40,
    "seed": 0,
    "dtype": "float32",
}


def version_3(path, begun=True, version: int | None = 3):
    """A folder as the code of version 3 wrote it: planned, begun or, with a version, finished."""
    config = asdict(compose(SMALL))
    write_text(path / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    identity = {"run_id": path.name} | COLUMNS
    if begun:
        write_json(path / "environment.json", {"geomsym": "0.1.0", "device": "cpu", "identity": identity})
    if begun and version is not None:
        write_text(path / "curves.csv", "run_id,step,epoch,split,metric,value\n")
        write_text(path / "classes.csv", "class,name\n0,below\n1,above\n")
        outcome = {"status": "ok", "device": "cpu", "seconds": 0.1, "test_accuracy": 0.123}
        write_json(path / "metrics.json", {"schema_version": version} | identity | outcome)


@pytest.fixture
def folder(tmp_path):
    """The address in this version of the run that those folders describe."""
    return RunFolder(tmp_path / "x", compose(SMALL))


STAGES = [{"version": 1}, {"version": 2}, {"version": 3}, {"version": None}, {"begun": False}]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("same_id", [False, True])
def test_a_folder_of_before_is_another_versions(folder, stage, same_id):
    path = folder.path if same_id else folder.path.with_name(OLD_ID)
    version_3(path, **stage)
    experiment = folder.experiment
    assert {status: count for status, count in statuses(experiment).items() if count} == {"other_version": 1}
    results = collect(experiment)
    assert results.runs.empty and load(experiment).runs.empty and results.curves.empty
    (said,) = results.spoilt
    number = stage.get("version") or "3 or earlier"
    assert re.search(rf"{path.name}: a run with layout version {number}, and this geomsym has version {LAYOUT};", said)
    assert folder.status == ("other_version" if same_id else "left") and not folder.is_finished
    assert folder.trouble == (said if same_id else None)


def test_the_same_command_does_the_run_again_beside_it_and_leaves_it_alone(tmp_path, folder):
    old = tmp_path / "train" / "runs" / OLD_ID
    version_3(old)
    before = {path: path.read_bytes() for path in old.iterdir()}
    done = invoke("train", *SMALL, "--out", tmp_path, "--device", "cpu", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["run_id"] == folder.id
    assert "Left out: " in done.stderr and "layout version 3" in done.stderr
    assert {path: path.read_bytes() for path in old.iterdir()} == before
    assert list(load(tmp_path / "train").runs.run_id) == [folder.id]
    (counts,) = json.loads(invoke("status", tmp_path, "--json").stdout).values()
    assert {status: count for status, count in counts.items() if count} == {"unfitted": 1, "other_version": 1}


@pytest.mark.parametrize("number", ["layout", "meaning"])
@pytest.mark.parametrize("file", ["metrics.json", "environment.json", "config.yaml"])
def test_either_number_tells_another_version_from_this_one(folder, number, file):
    perform(folder, "cpu")
    if file != "metrics.json":
        (folder.path / "metrics.json").unlink()
    if file == "config.yaml":
        (folder.path / "environment.json").unlink()
    record = yaml.safe_load((folder.path / file).read_text())
    assert {"layout": LAYOUT, "meaning": MEANING}.items() <= record.items()
    write_text(folder.path / file, json.dumps(record | {number: 99}))  # which is YAML too
    with pytest.raises(OtherVersion, match=f"a run with {number} version 99, and this geomsym has version"):
        folder.record()
    assert isinstance(OtherVersion(""), DataError) and not folder.is_finished
    perform(folder, "cpu")
    assert folder.is_finished
