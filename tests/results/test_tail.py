"""What an algorithm measures beyond the known columns is a column too, without a list to extend."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from command_line import invoke
from geomsym.execute import perform
from geomsym.inference import INFERENCE, InferenceResult
from geomsym.results import RUN_COLUMNS, RunFolder, collect, gather, load, statuses
from geomsym.results.loading import parsed

METRICS = {"sharpness": 12.5, "restarts": 3, "stopped_by": "hand", "converged": True, "unknown": float("nan")}


@pytest.fixture
def made_up(tiny, monkeypatch):
    """A function from metrics and root values to a run of an algorithm that returns these metrics."""

    def make(metrics, **changes):
        name = f"made_up_{len(INFERENCE)}"
        result = InferenceResult("ok", {"test_accuracy": 0.5} | metrics)
        monkeypatch.setitem(INFERENCE, name, lambda *arguments: result)
        return tiny(inference=replace(tiny().inference, name=name), **changes)

    return make


def done(experiment, *runs):
    for run in runs:
        perform(RunFolder(experiment, run), "cpu")
    return experiment


def test_new_metrics_are_in_the_record_and_in_the_tables_with_types(tmp_path, made_up, tiny):
    cfg = made_up(METRICS)
    experiment = done(tmp_path / "x", cfg, tiny(seed=1), tiny(seed=1, data=replace(tiny().data, seed=5)))
    record = RunFolder(experiment, cfg).record()
    assert {name: record.get(name) for name in METRICS} == METRICS | {"unknown": None}
    collect(experiment)
    table = load(experiment).runs
    tail = {"converged": "boolean", "restarts": "Int64", "sharpness": "Float64", "stopped_by": "string"}
    assert list(table) == [*RUN_COLUMNS, *tail, "data.seed"]
    assert {name: str(table[name].dtype) for name in tail} == tail
    rows = table.set_index("run_id")[list(tail)]
    assert rows.loc[record["run_id"]].to_dict() == {name: METRICS[name] for name in tail}
    assert rows.drop(record["run_id"]).isna().all(axis=None) and len(rows) == 3
    pd.testing.assert_frame_equal(gather(experiment).runs, table)


def test_train_shows_new_metrics(tmp_path, made_up, monkeypatch):
    cfg = made_up(METRICS)
    monkeypatch.setattr("geomsym.cli.compose.compose", lambda overrides: cfg)
    record = json.loads(invoke("train", "--out", tmp_path, "--device", "cpu", "--json").stdout)
    assert {name: record.get(name) for name in METRICS} == METRICS | {"unknown": None}
    shown = invoke("train", "--out", tmp_path, "--device", "cpu").stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines()]
    cells = dict(row for row in rows if len(row) == 2)
    assert cells["sharpness"] == "12.5" and cells["restarts"] == "3" and cells["stopped_by"] == "hand"
    assert cells["converged"] == "True" and cells["test_accuracy"] == "0.5" and cells["depth"] == "2"


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, 2], "Int64", [1, 2]),
        ([1, 0.5], "Float64", [1.0, 0.5]),
        ([2**63, 1], "Float64", [2.0**63, 1.0]),
        ([True, False], "boolean", [True, False]),
        ([True, 2], "string", ["True", "2"]),
        ([1, "two"], "string", ["1", "two"]),
        (["007", "8"], "string", ["007", "8"]),
        (["NaN", "inf"], "string", ["NaN", "inf"]),
        (["a,b", 'c"d\né'], "string", ["a,b", 'c"d\né']),
    ],
)
def test_a_column_has_the_type_of_its_values(tmp_path, made_up, values, kind, found):
    experiment = done(tmp_path, *(made_up({"mine": value}, seed=seed) for seed, value in enumerate(values)))
    collect(experiment)
    table = load(experiment).runs.sort_values("seed")
    assert str(table.mine.dtype) == kind and table.mine.tolist() == found


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", 3, "seed is something else than a metric"),
        ("status", "fine", "status is something else than a metric"),
        ("layout", 3, "layout is something else than a metric"),
        ("data.flip", 1.0, "data.flip is a config key"),
        ("inference.mine", 1.0, "inference.mine is a config key"),
        ("two words", 1.0, "'two words' is no name for a column"),
        ("mine", [1, 2], "mine is of type list: give a number, a text or a truth value"),
        ("mine", {"a": 1}, "mine is of type dict"),
        ("mine", torch.tensor(1.0), "mine is of type Tensor"),
        ("mine", np.float32(1), "mine is of type float32"),
        ("test_mse", "low", "test_mse is 'low'"),
        ("steps", 0.5, "steps is '0.5'"),
    ],
)
def test_a_metric_that_can_be_no_column_is_named_before_anything_is_written(tmp_path, made_up, name, value, message):
    folder = RunFolder(tmp_path, made_up({name: value}))
    with pytest.raises(ValueError, match=f"^metric {message}"):
        perform(folder, "cpu")
    files = {path.name for path in folder.path.iterdir()}
    assert files == {"config.yaml", "environment.json", "error.txt", "metrics.json"}
    assert message in folder.record()["error"] and statuses(tmp_path)["failed"] == 1
    assert list(collect(tmp_path).runs) == list(RUN_COLUMNS)


def test_a_table_without_a_tail_is_parsed_once(monkeypatch):
    reads, plain = [], pd.read_csv

    def read_csv(*arguments, **options):
        reads.append(options.get("nrows"))
        return plain(*arguments, **options)

    monkeypatch.setattr(pd, "read_csv", read_csv)
    assert parsed(b"a,b.c\n1,2\n", {"a": "Int64"}).a.tolist() == [1]
    assert reads == [0, None]
