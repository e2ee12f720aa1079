"""A spoilt run folder is named, and keeps nobody from the others."""

import json
import shutil

import pytest
import torch

from geomsym.config import GridConfig, keep_initial_weights
from geomsym.errors import DataError
from geomsym.execute import perform, perform_scan
from geomsym.results import LAYOUT, MEANING, STATUSES, RunFolder, SpoiltRun, collect, statuses, survey

GRID = GridConfig(resolution=3)
EMPTY = json.dumps({"identity": {}, "device": "cpu", "layout": LAYOUT, "meaning": MEANING}).encode()
"""The record of a run's beginning that doesn't say which run it is."""


@pytest.fixture(scope="module")
def done_once(tmp_path_factory):
    """The folder of an experiment, which is filled by whoever needs it first."""
    return tmp_path_factory.mktemp("done") / "x"


@pytest.fixture
def two_runs(tmp_path, tiny, done_once):
    """An experiment of two finished runs with a scan each, the folder of the first, and both."""
    configs = [keep_initial_weights(tiny(seed=seed)) for seed in range(2)]
    if not done_once.exists():
        for run in [RunFolder(done_once, cfg) for cfg in configs]:
            perform(run, "cpu")
            perform_scan(run, GRID, "cpu")
    shutil.copytree(done_once, tmp_path / "x")
    runs = [RunFolder(tmp_path / "x", cfg) for cfg in configs]
    return tmp_path / "x", runs[0].path, runs


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
    ("metrics.json", {"layout": "gone"}, "the records have no version"),
    ("metrics.json", {"architecture": "gone", "seed": "gone"}, "lacks architecture, seed"),
    ("metrics.json", {"width": "wide"}, "width is 'wide'"),
    ("metrics.json", {"test_accuracy": [1]}, "test_accuracy is"),
    ("metrics.json", {"seed": 0.5}, "seed is"),
    ("metrics.json", {"steps": 10**30}, "steps is"),
    ("metrics.json", {"mine": [1]}, "mine is of type list"),
    ("metrics.json", {"data.flip": 1}, "data.flip is a config key"),
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
    assert list(results.runs.seed) == [1] and set(results.geometry.run_id) == {runs[1].id}
    (said,) = results.spoilt
    assert str(folder / name) in said
    pattern = rf"{folder.name}/{name}: .*{message}.*; delete the folder .*{folder.name}, and the run is done again"
    with pytest.raises(DataError, match=pattern):
        raise DataError(said)
    if message != "not a readable table":  # that takes reading all of it
        assert statuses(experiment) == dict.fromkeys(STATUSES, 0) | {"unfitted": 1, "spoilt": 1}
        assert not runs[0].is_finished and runs[0].trouble == said and runs[0].status == "spoilt"
        perform(runs[0], "cpu")
        assert runs[0].is_finished and runs[0].trouble is None and list(collect(experiment).runs.seed) == [0, 1]


@pytest.mark.parametrize("content", [b"", b'{"identity"', b"[]", b"{}", EMPTY])
def test_a_spoilt_record_of_the_beginning(two_runs, content):
    experiment, folder, runs = two_runs
    (folder / "metrics.json").unlink()
    assert runs[0].status == "interrupted"
    (folder / "environment.json").write_bytes(content)
    assert survey(experiment)[folder].status == "spoilt" and list(collect(experiment).runs.seed) == [1]


@pytest.mark.parametrize("name", ["geometry.csv", "spectra.csv", "anchors.csv"])
def test_a_spoilt_scan_takes_its_run_along_in_no_table(two_runs, name):
    experiment, _, runs = two_runs
    path = runs[0].scan(GRID).path / name
    path.write_bytes(path.read_bytes()[:-3])
    assert [run.scan(GRID).is_finished for run in runs] == [False, True]
    results = collect(experiment)
    assert len(results.runs) == 2 and set(results.geometry.run_id) == {runs[1].id}
    assert (
        "cut off in its last line; delete the folder" in results.spoilt[0] and "scan is measured" in results.spoilt[0]
    )
    assert statuses(experiment)["spoilt"] == 1 and runs[0].is_finished


def test_a_file_where_a_run_should_be(two_runs):
    experiment, folder, runs = two_runs
    shutil.rmtree(folder)
    folder.write_text("mine")
    assert "a file where a folder should be; delete the file" in survey(experiment)[folder].trouble
    assert list(collect(experiment).runs.seed) == [1] and not runs[0].is_finished
    runs[0].take_over()
    with pytest.raises(OSError, match="exists"):
        perform(runs[0], "cpu")
    assert folder.read_text() == "mine"


def test_an_empty_folder_and_a_temporary_file_are_no_run(tmp_path, tiny):
    run = RunFolder(tmp_path / "x", tiny())
    run.path.mkdir(parents=True)
    (run.path / ".config-abc.yaml").write_text("half")
    assert survey(tmp_path / "x") == {}
    run.plan()
    assert statuses(tmp_path / "x")["left"] == 1


def test_a_copy_of_a_run_under_another_name_is_no_second_run(two_runs):
    experiment, folder, _ = two_runs
    shutil.copytree(folder, folder.with_name("backup"))
    assert len(collect(experiment).runs) == 2 and statuses(experiment)["spoilt"] == 1


def test_a_run_that_is_begun_again_meanwhile_is_interrupted_not_spoilt(two_runs):
    _, folder, runs = two_runs
    (folder / "metrics.json").unlink()
    (folder / "curves.csv").unlink()
    assert runs[0].status == "interrupted"


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
    _, folder, runs = two_runs
    write(folder / "checkpoint.pt")
    with pytest.raises(DataError, match=r"checkpoint\.pt.*; delete the.* folder.* trains") as caught:
        perform_scan(runs[0], GridConfig(resolution=5), "cpu")
    assert "weights_only" not in str(caught.value) and "must not be printed" not in capfd.readouterr().out


def test_refusals_that_say_nothing_about_the_file_spoil_no_run(two_runs, monkeypatch):
    _, _, runs = two_runs

    def none_left(*arguments, **options):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("pathlib.Path.read_text", none_left)
    with pytest.raises(OSError, match="Too many open files") as caught:
        runs[0].record()
    assert not isinstance(caught.value, SpoiltRun)
