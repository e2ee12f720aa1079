"""What a run leaves in its folder, whether it succeeds or fails."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch
import yaml

from geomsym.errors import ConfigError, UserError
from geomsym.execute import perform, record
from geomsym.inference import InferenceResult
from geomsym.results import CURVE_COLUMNS, LAYOUT, MEANING, RunFolder, described, run_id
from geomsym.run import RunResult, run

VERSION = {"layout": LAYOUT, "meaning": MEANING}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def keep(cfg):
    return replace(cfg, inference=replace(cfg.inference, checkpoint_steps=[0, 10]))


def done(experiment, cfg):
    folder = RunFolder(experiment, cfg)
    perform(folder, "cpu")
    return folder


def test_a_run_leaves_its_files(tmp_path, tiny):
    cfg = keep(tiny())
    folder = done(tmp_path, cfg).path
    assert folder == tmp_path / "runs" / run_id(cfg)
    assert names(folder) == [
        "checkpoint.pt",
        "classes.csv",
        "config.yaml",
        "curves.csv",
        "environment.json",
        "metrics.json",
    ]
    assert (folder / "classes.csv").read_text() == "class,name\n0,below\n1,above\n"
    assert yaml.safe_load((folder / "config.yaml").read_text()) == VERSION | described(cfg)


def test_the_metrics_are_those_of_the_run(tmp_path, tiny):
    written, fit = done(tmp_path, tiny()).record(), run(tiny()).fit
    finite = {key: value for key, value in fit.metrics.items() if value == value}
    assert finite.items() <= written.items() and "lambda_max" not in written
    assert written["status"] == fit.status and VERSION.items() <= written.items()
    assert written["run_id"] == run_id(tiny()) and written["device"] == "cpu" and written["seconds"] > 0


def test_the_curve_is_in_long_form(tmp_path, tiny):
    table, fit = pd.read_csv(done(tmp_path, tiny()).path / "curves.csv"), run(tiny()).fit
    assert list(table) == list(CURVE_COLUMNS)
    rows = {(row.step, row.split, row.metric): row.value for row in table.itertuples()}
    assert rows == {(step, *key): value for step, scores in fit.curve.items() for key, value in scores.items()}
    assert (table.epoch == table.step).all() and (table.run_id == run_id(tiny())).all()


def test_checkpoints_load_as_plain_weights(tmp_path, tiny):
    cfg = keep(tiny())
    states = done(tmp_path, cfg).states("cpu")
    expected = run(cfg).fit.checkpoints
    assert list(states) == list(expected) == [0, 10, 20]
    for step, state in expected.items():
        assert all(torch.equal(states[step][name], value) for name, value in state.items())


def test_the_environment_says_where_it_ran_and_which_run_it_is(tmp_path, tiny):
    folder = done(tmp_path, tiny(seed=4))
    written = json.loads((folder.path / "environment.json").read_text())
    assert written["device"] == "cpu" and written["libraries"]["torch"] == torch.__version__
    assert written["threads"] == torch.get_num_threads()
    assert written["identity"] == folder.identity and VERSION.items() <= written.items()


def test_while_a_run_is_at_work_it_has_no_metrics(tmp_path, tiny):
    folder, seen = done(tmp_path, tiny()), []
    perform(folder, "cpu", lambda *report: seen.append(folder.status))
    assert set(seen) == {"interrupted"} and folder.is_finished


@pytest.mark.parametrize(
    ("error", "message"),
    [(RuntimeError("oh\nno"), "RuntimeError: oh\nno"), (ConfigError("a.b", None, "give c"), "a.b=null: give c")],
)
def test_a_failure_is_written_down_and_raised(tmp_path, tiny, monkeypatch, error, message):
    def fails(*arguments):
        raise error

    monkeypatch.setattr(record, "run", fails)
    with pytest.raises(type(error)) as caught:
        done(tmp_path, tiny())
    assert caught.value is error
    folder = RunFolder(tmp_path, tiny())
    assert names(folder.path) == ["config.yaml", "environment.json", "error.txt", "metrics.json"]
    written = folder.record()
    assert written["status"] == "failed" and written["error"] == message
    trace = (folder.path / "error.txt").read_text()
    assert trace.startswith("Traceback") and "in fails" in trace
    assert not folder.is_finished


def test_a_run_that_succeeds_after_a_failure_forgets_it(tmp_path, tiny, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(record, "run", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            done(tmp_path, tiny())
    folder = done(tmp_path, tiny())
    files = ["classes.csv", "config.yaml", "curves.csv", "environment.json", "metrics.json"]
    assert names(folder.path) == files
    assert "error" not in folder.record()


def test_an_interrupt_is_no_failure(tmp_path, tiny, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        done(tmp_path, tiny())
    assert RunFolder(tmp_path, tiny()).status == "interrupted"


def test_numbers_that_are_not_finite_are_left_out(tmp_path, tiny, monkeypatch):
    fit = InferenceResult("diverged", {"train_mse": float("inf"), "test_mse": float("nan"), "steps": 3})
    monkeypatch.setattr(record, "run", lambda cfg, *rest: RunResult(cfg, fit, "cpu", 0.1))
    written = done(tmp_path, tiny()).record()
    assert written["steps"] == 3 and not {"train_mse", "test_mse"} & set(written)


def test_a_device_that_is_not_there_is_a_failure_of_the_run(tmp_path, tiny):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(Exception) as caught:
        perform(RunFolder(tmp_path, tiny()), "cuda")
    assert not isinstance(caught.value, UserError)
