"""A spoilt run folder is named, and keeps nobody from the others."""

import json
import shutil

import pytest
import torch

from geomsym.config import GridConfig
from geomsym.errors import DataError
from geomsym.execute import folder_of, is_finished, keep_initial_weights, perform, plan, trouble
from geomsym.execute.scans import copy_finished_run, is_scanned, perform_scan, scan_folder
from geomsym.files import write_json
from geomsym.identity import run_id
from geomsym.results import collect
from geomsym.run_folders import STATUSES, SpoiltRun, read_record, statuses, survey

GRID = GridConfig(resolution=3)


@pytest.fixture
def two_runs(tmp_path, tiny):
    """An experiment of two finished runs with a scan each, the folder of the first, and both."""
    runs = [keep_initial_weights(tiny(seed=seed)) for seed in range(2)]
    for run in runs:
        perform(tmp_path / "x", run, "cpu")
        perform_scan(tmp_path / "x", run, GRID, "cpu")
    return tmp_path / "x", folder_of(tmp_path / "x", runs[0]), runs


def changed(path, **values):
    record = json.loads(path.read_text())
    return json.dumps({key: value for key, value in (record | values).items() if value != "gone"}).encode()


SPOILT = [
    ("metrics.json", b"", "not valid JSON"),
    ("metrics.json", b'{"status": "o', "not valid JSON"),
    ("metrics.json", b"[1, 2]", "a list, not a record"),
    ("metrics.json", b"3", "a single value, not a record"),
    ("metrics.json", b"\xff\xfe", "not text"),
    ("metrics.json", {"status": "gone"}, "the status is None"),
    ("metrics.json", {"status": "fine"}, "the status is 'fine', not one of ok"),
    ("metrics.json", {"schema_version": "gone"}, "the records have no version"),
    ("metrics.json", {"architecture": "gone", "seed": "gone"}, "lacks architecture, seed"),
    ("metrics.json", {"width": "wide"}, "width is 'wide'"),
    ("metrics.json", {"test_accuracy": [1]}, "test_accuracy is"),
    ("metrics.json", {"seed": 0.5}, "seed is"),
    ("metrics.json", {"run_id": "0" * 12}, "of the run 000000000000, not of the one that names the folder"),
    ("config.yaml", b"\xff\x00", "not text"),
    ("config.yaml", b"a: [1", "not valid YAML"),
    ("config.yaml", b"- 1\n- 2\n", "a list, not a configuration"),
    ("config.yaml", b"", "empty, not a configuration"),
    ("config.yaml", None, "is missing"),
    ("curves.csv", b"", "empty"),
    ("curves.csv", b"1,2,3\n4,5,6\n", "lacks .*epoch"),
    ("curves.csv", b"run_id,step,epoch,split,metric,value\na,1,0.1,te", "cut off in its last line"),
    ("curves.csv", b"run_id,step,epoch,split,metric,value\na,one,0.1,test,accuracy,1\n", "not a readable table"),
]


def spoil(path, content):
    path.unlink() if content is None else path.write_bytes(
        content if isinstance(content, bytes) else changed(path, **content)
    )


@pytest.mark.parametrize(("name", "content", "message"), SPOILT)
def test_a_spoilt_run_is_named_left_out_and_not_finished(two_runs, name, content, message):
    experiment, folder, runs = two_runs
    spoil(folder / name, content)
    results = collect(experiment)
    assert list(results.runs.seed) == [1] and set(results.geometry.run_id) == {run_id(runs[1])}
    (said,) = results.spoilt
    assert str(folder / name) in said
    pattern = rf"{folder.name}/{name}: .*{message}.*; delete the folder .*{folder.name}, and the run is done again"
    with pytest.raises(DataError, match=pattern):
        raise DataError(said)
    if message != "not a readable table":  # that takes reading all of it
        assert statuses(experiment) == dict.fromkeys(STATUSES, 0) | {"unfitted": 1, "spoilt": 1}
        assert not is_finished(experiment, runs[0]) and trouble(experiment, runs[0]) == said
        perform(experiment, runs[0], "cpu")
        assert is_finished(experiment, runs[0]) and list(collect(experiment).runs.seed) == [0, 1]


@pytest.mark.parametrize("content", [b"", b'{"identity"', b"[]", b"{}", b'{"identity": {}, "device": "cpu"}'])
def test_a_spoilt_record_of_the_beginning(two_runs, content):
    experiment, folder, _ = two_runs
    (folder / "metrics.json").unlink()
    assert read_record(folder)["status"] == "interrupted"
    (folder / "environment.json").write_bytes(content)
    assert survey(experiment)[folder].status == "spoilt" and list(collect(experiment).runs.seed) == [1]


@pytest.mark.parametrize("name", ["geometry.csv", "spectra.csv", "anchors.csv"])
def test_a_spoilt_scan_takes_its_run_along_in_no_table(two_runs, name):
    experiment, _, runs = two_runs
    path = scan_folder(experiment, runs[0], GRID) / name
    path.write_bytes(path.read_bytes()[:-3])
    assert not is_scanned(experiment, runs[0], GRID) and is_scanned(experiment, runs[1], GRID)
    results = collect(experiment)
    assert len(results.runs) == 2 and set(results.geometry.run_id) == {run_id(runs[1])}
    assert (
        "cut off in its last line; delete the folder" in results.spoilt[0] and "scan is measured" in results.spoilt[0]
    )
    assert statuses(experiment)["spoilt"] == 1 and is_finished(experiment, runs[0])


def test_a_file_where_a_run_should_be(two_runs):
    experiment, folder, runs = two_runs
    shutil.rmtree(folder)
    folder.write_text("mine")
    assert "a file where a folder should be; delete the file" in survey(experiment)[folder].trouble
    assert list(collect(experiment).runs.seed) == [1] and not is_finished(experiment, runs[0])
    copy_finished_run(experiment, runs[0])
    with pytest.raises(OSError, match="exists"):
        perform(experiment, runs[0], "cpu")
    assert folder.read_text() == "mine"


def test_an_empty_folder_and_a_temporary_file_are_no_run(tmp_path, tiny):
    folder = folder_of(tmp_path / "x", tiny())
    folder.mkdir(parents=True)
    (folder / ".config-abc.yaml").write_text("half")
    assert survey(tmp_path / "x") == {}
    plan(tmp_path / "x", tiny())
    assert statuses(tmp_path / "x")["left"] == 1


def test_a_copy_of_a_run_under_another_name_is_no_second_run(two_runs):
    experiment, folder, _ = two_runs
    shutil.copytree(folder, folder.with_name("backup"))
    assert len(collect(experiment).runs) == 2 and statuses(experiment)["spoilt"] == 1


def test_a_run_that_is_begun_again_meanwhile_is_interrupted_not_spoilt(two_runs, monkeypatch):
    _, folder, _ = two_runs
    (folder / "metrics.json").unlink()
    (folder / "curves.csv").unlink()
    assert read_record(folder)["status"] == "interrupted"


class Foreign:
    def __reduce__(self):
        return (print, ("this must not be printed",))


def save(content):
    return lambda path: torch.save(content, path)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:500]),
        lambda path: path.write_bytes(b"not a checkpoint"),
        save(Foreign()),
        save({0: Foreign()}),
        save([1, 2]),
        save({}),
        save({"weights": {}}),
        save({0: {"a": 3}}),
        save({0: {"other": torch.zeros(2)}}),
    ],
)
def test_a_checkpoint_that_is_not_one(two_runs, write, capfd):
    experiment, folder, runs = two_runs
    write(folder / "checkpoint.pt")
    with pytest.raises(DataError, match=r"checkpoint\.pt.*; delete the.* folder.* trains") as caught:
        perform_scan(experiment, runs[0], GridConfig(resolution=5), "cpu")
    assert "weights_only" not in str(caught.value) and "must not be printed" not in capfd.readouterr().out


def test_refusals_that_say_nothing_about_the_file_spoil_no_run(two_runs, monkeypatch):
    _, folder, _ = two_runs

    def none_left(*arguments, **options):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("pathlib.Path.read_text", none_left)
    with pytest.raises(OSError, match="Too many open files") as caught:
        read_record(folder)
    assert not isinstance(caught.value, SpoiltRun)


def test_a_spoilt_record_without_a_number_of_the_version(two_runs):
    _, folder, _ = two_runs
    write_json(folder / "metrics.json", json.loads((folder / "metrics.json").read_text()) | {"schema_version": 99})
    with pytest.raises(DataError, match="records of version 99"):
        read_record(folder)
