"""Tables from run folders: rows, columns, types, and what becomes of folders that aren't whole."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from geomsym.analysis import setting_columns
from geomsym.config import (
    ArchitectureConfig,
    GradientDescentConfig,
    KernelRegressionConfig,
    StackConfig,
    TransformConfig,
)
from geomsym.errors import DataError
from geomsym.files import write_csv, write_text
from geomsym.results import (
    CURVE_COLUMNS,
    RUN_COLUMNS,
    STATUSES,
    RunFolder,
    collect,
    experiments,
    gather,
    load,
    run_id,
    statuses,
)


def begin(experiment, cfg):
    folder = RunFolder(experiment, cfg)
    folder.begin("cpu")
    return folder


def finish(experiment, cfg, status="ok", **metrics):
    curve = [(0, 0.0, "test", "accuracy", 0.1 + cfg.seed)]
    begin(experiment, cfg).finish(status, "cpu", 0.25, metrics, curve)


def fail(experiment, cfg, message):
    begin(experiment, cfg).fail(DataError(message), "cpu")


def text(path):
    return path.read_bytes()


def test_the_tables_do_not_depend_on_the_order_of_runs_or_folders(tmp_path, tiny):
    runs = [
        tiny(seed=seed, transform=TransformConfig(name))
        for name in ("identity", "global_rotation")
        for seed in (2, 0, 1)
    ]
    for parent, order in (("a", runs), ("b", runs[::-1])):
        for k, cfg in enumerate(order):
            finish(tmp_path / parent / "x", cfg, best_test_accuracy=0.5 + cfg.seed / 10)
            if k % 2:
                collect(tmp_path / parent / "x")
        collect(tmp_path / parent / "x")
    for name in ("runs.csv", "curves.csv"):
        assert text(tmp_path / "a" / "x" / name) == text(tmp_path / "b" / "x" / name)
    table = load(tmp_path / "a" / "x").runs
    assert list(table["transform"]) == ["global_rotation"] * 3 + ["identity"] * 3
    assert list(table.seed) == [0, 1, 2] * 2
    curves = load(tmp_path / "a" / "x").curves
    assert list(curves.run_id) == list(table.run_id) and list(curves.value) == [0.1, 1.1, 2.1] * 2


def test_a_row_says_what_the_run_was_and_what_came_of_it(tmp_path, tiny):
    cfg = tiny(seed=3, transform=TransformConfig("global_rotation", strength=0.1))
    finish(tmp_path / "grid", cfg, test_accuracy=1 / 3, steps=20, lambda_max=1e-30)
    row = load(collected(tmp_path / "grid")).runs.iloc[0].dropna().to_dict()
    assert row == {
        "run_id": run_id(cfg),
        "experiment": "grid",
        "data": "sinusoid",
        "transform": "global_rotation",
        "transform_strength": 0.1,
        "transform_seed": 3,
        "architecture": "fcn",
        "width": 8,
        "depth": 2,
        "activation": "relu",
        "inference": "nn_plus",
        "subset_size": 40,
        "seed": 3,
        "status": "ok",
        "test_accuracy": 1 / 3,
        "steps": 20,
        "lambda_max": 1e-30,
        "device": "cpu",
        "dtype": "float32",
        "seconds": 0.25,
    }


def collected(folder):
    collect(folder)
    return folder


def test_the_columns_and_their_types_read_back(tmp_path, tiny):
    finish(tmp_path / "x", tiny())
    fail(tmp_path / "x", tiny(seed=1), 'a, "b"\nNA')
    made, read = collect(tmp_path / "x"), load(tmp_path / "x")
    for table in (made.runs, read.runs):
        assert {name: str(kind) for name, kind in table.dtypes.items()} == RUN_COLUMNS
        assert list(table) == list(RUN_COLUMNS)
    assert {name: str(kind) for name, kind in read.curves.dtypes.items()} == CURVE_COLUMNS
    pd.testing.assert_frame_equal(made.runs, read.runs)
    pd.testing.assert_frame_equal(made.curves, read.curves)
    assert read.runs.error[1] == 'a, "b"\nNA' and read.runs.error[0] is pd.NA


def test_a_differing_key_is_a_column_and_an_equal_one_is_not(tmp_path, tiny):
    base = tiny()
    for l2 in (1e-7, 1e-3):
        inference = replace(base.inference, l2=l2, checkpoint_steps=[0, 5] if l2 == 1e-3 else [])
        finish(tmp_path / "x", replace(base, inference=inference))
    table = load(collected(tmp_path / "x")).runs
    assert list(table)[len(RUN_COLUMNS) :] == ["inference.l2", "inference.checkpoint_steps"]
    assert dict(zip(table["inference.l2"], table["inference.checkpoint_steps"], strict=True)) == {
        1e-7: "[]",
        1e-3: "[0, 5]",
    }
    assert table.set_index("run_id")["inference.l2"].to_dict() == {
        run_id(replace(base, inference=replace(base.inference, l2=1e-7))): 1e-7,
        run_id(replace(base, inference=replace(base.inference, l2=1e-3, checkpoint_steps=[0, 5]))): 1e-3,
    }


def test_a_key_that_is_null_in_some_runs_only_is_a_column(tmp_path, tiny):
    base = tiny()
    for rate in (0.1, None):
        finish(tmp_path / "x", replace(base, inference=replace(base.inference, learning_rate=rate)))
    table = load(collected(tmp_path / "x")).runs
    assert sorted(table["inference.learning_rate"].fillna(-1)) == [-1, 0.1]


def without(path, *keys):
    """Take keys out of a run's config.yaml, as if they had come later."""
    plain = yaml.safe_load((path / "config.yaml").read_text())
    for group, key in keys:
        del plain[group][key]
    write_text(path / "config.yaml", yaml.safe_dump(plain))


def test_keys_that_came_later_count_as_their_defaults(tmp_path, tiny):
    base = tiny()
    other = replace(base, inference=replace(base.inference, batch_size=20))
    for cfg in (base, other):
        finish(tmp_path / "x", cfg)
    path = RunFolder(tmp_path / "x", base).path
    without(path, ("inference", "batch_size"), ("inference", "l2"), ("data", "flip"))
    table = load(collected(tmp_path / "x")).runs
    assert list(table)[len(RUN_COLUMNS) :] == ["inference.batch_size"]
    assert table.set_index("run_id")["inference.batch_size"].to_dict() == {run_id(base): 40, run_id(other): 20}


def test_a_key_that_some_runs_do_not_have_is_a_column_where_the_others_differ(tmp_path, tiny):
    """The kernel size has no effect on fcn, and kernel regression has no momentum."""
    gap = [ArchitectureConfig("gap", width=8, depth=2, kernel_size=size) for size in (1, 3)]
    kernel = KernelRegressionConfig()
    runs = [tiny(), tiny(architecture=gap[1]), tiny(inference=kernel)]
    for cfg in runs:
        finish(tmp_path / "x", cfg)
    assert list(load(collected(tmp_path / "x")).runs) == list(RUN_COLUMNS)
    finish(tmp_path / "x", tiny(architecture=gap[0]))
    table = load(collected(tmp_path / "x")).runs
    assert list(table)[len(RUN_COLUMNS) :] == ["architecture.kernel_size"]
    sizes = table.set_index("run_id")["architecture.kernel_size"]
    assert {name for name, size in sizes.items() if pd.isna(size)} == {run_id(runs[0]), run_id(runs[2])}
    assert sorted(sizes.dropna()) == [1, 3]


def test_networks_of_ones_own_are_told_apart_by_every_key(tmp_path, tiny):
    """Their label says less than that of lap, which has the window: runs of two windows are no two seeds of one."""
    layers = ["conv", "pool", "flatten"]
    for window in (1, 2):
        finish(tmp_path / "x", tiny(architecture=StackConfig(layers=layers, window=window)))
    table = load(collected(tmp_path / "x")).runs
    assert sorted(table["architecture.window"]) == [1, 2] and "architecture.window" in setting_columns(table)


def test_interrupted_and_left_runs(tmp_path, tiny):
    folder = tmp_path / "x"
    done, begun, left, failed = (tiny(seed=seed) for seed in range(4))
    finish(folder, done)
    begin(folder, begun)
    RunFolder(folder, left).plan()
    fail(folder, failed, "no")
    table = load(collected(folder)).runs
    assert dict(zip(table.seed, table.status, strict=True)) == {0: "ok", 1: "interrupted", 3: "failed"}
    assert table[table.seed == 1].test_accuracy.isna().all()
    assert statuses(folder) == dict.fromkeys(STATUSES, 0) | {"ok": 1, "failed": 1, "interrupted": 1, "left": 1}
    assert [RunFolder(folder, cfg).status for cfg in (done, begun, left, failed)] == [
        "ok",
        "interrupted",
        "left",
        "failed",
    ]


@pytest.mark.parametrize("status", ["unfitted", "diverged"])
def test_a_poor_result_is_a_result(tmp_path, tiny, status):
    finish(tmp_path / "x", tiny(), status)
    assert RunFolder(tmp_path / "x", tiny()).is_finished


def test_an_experiment_without_runs_has_empty_tables(tmp_path):
    (tmp_path / "x" / "runs").mkdir(parents=True)
    results = load(collected(tmp_path / "x"))
    assert len(results.runs) == len(results.curves) == 0
    assert {name: str(kind) for name, kind in results.runs.dtypes.items()} == RUN_COLUMNS
    assert {name: str(kind) for name, kind in results.curves.dtypes.items()} == CURVE_COLUMNS


def test_an_experiment_with_nothing_but_planned_runs_has_empty_tables(tmp_path, tiny):
    RunFolder(tmp_path / "x", tiny()).plan()
    assert len(load(collected(tmp_path / "x")).runs) == 0


def test_a_run_without_its_curve_has_a_row(tmp_path, tiny):
    finish(tmp_path / "x", tiny())
    finish(tmp_path / "x", tiny(seed=1))
    (RunFolder(tmp_path / "x", tiny()).path / "curves.csv").unlink()
    results = load(collected(tmp_path / "x"))
    assert list(results.runs.seed) == [0, 1] and list(results.curves.run_id) == [run_id(tiny(seed=1))]


def test_other_folders_among_the_runs_are_passed_over(tmp_path, tiny):
    finish(tmp_path / "x", tiny())
    (tmp_path / "x" / "runs" / "empty").mkdir()
    (tmp_path / "x" / "runs" / "note.txt").write_text("mine")
    assert len(collect(tmp_path / "x").runs) == 1 and sum(statuses(tmp_path / "x").values()) == 1


def test_collecting_needs_no_permission_to_write(tmp_path, tiny, monkeypatch):
    finish(tmp_path / "x", tiny())
    written = collect(tmp_path / "x")
    monkeypatch.setattr("geomsym.results.collecting.write_csv", None)
    gathered = gather(tmp_path / "x")
    pd.testing.assert_frame_equal(gathered.runs, written.runs)
    pd.testing.assert_frame_equal(gathered.runs, load(tmp_path / "x").runs)
    pd.testing.assert_frame_equal(gathered.curves, load(tmp_path / "x").curves)


@pytest.mark.parametrize("name", ["runs.csv", "magnification.csv"])
def test_a_spoilt_table_is_named(tmp_path, tiny, name):
    finish(tmp_path / "x", tiny())
    collect(tmp_path / "x")
    (tmp_path / "x" / name).write_bytes(b'\x00\xff\n"')
    with pytest.raises(DataError, match=f"{name}: not a readable table .*makes it again"):
        load(tmp_path / "x")
    assert list(collect(tmp_path / "x").runs.seed) == [0]


def test_after_an_interrupt_between_the_tables_there_is_no_half_of_them(tmp_path, tiny, monkeypatch):
    finish(tmp_path / "x", tiny())

    def power_cut(path, table):
        if (tmp_path / "x").joinpath("curves.csv").exists() or (tmp_path / "x").joinpath("runs.csv").exists():
            raise KeyboardInterrupt
        write_csv(path, table)

    monkeypatch.setattr("geomsym.results.collecting.write_csv", power_cut)
    with pytest.raises(KeyboardInterrupt):
        collect(tmp_path / "x")
    with pytest.raises(DataError, match=r"no runs\.csv"):
        load(tmp_path / "x")


@pytest.mark.parametrize("where", ["", "runs", "none"])
def test_loading_what_is_no_experiment(tmp_path, where):
    (tmp_path / "runs").mkdir()
    with pytest.raises(DataError, match=r"no runs\.csv there; give the folder of an experiment"):
        load(tmp_path / where)


def test_tables_load_by_a_path_as_text(tmp_path, tiny):
    finish(tmp_path / "x", tiny())
    assert len(load(str(collected(tmp_path / "x"))).runs) == 1


def test_experiments_at_or_under_a_folder(tmp_path, tiny):
    for name in ("b", "a"):
        RunFolder(tmp_path / name, tiny()).plan()
    (tmp_path / "data").mkdir()
    assert list(experiments(tmp_path)) == [tmp_path / "a", tmp_path / "b"]
    assert list(experiments(tmp_path / "a")) == [tmp_path / "a"]
    assert list(experiments(tmp_path / "data")) == list(experiments(tmp_path / "none")) == []


def test_a_copied_experiment_carries_its_new_name(tmp_path, tiny):
    finish(tmp_path / "x", tiny())
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    assert list(collect(tmp_path / "y").runs.experiment) == ["y"]


def test_the_greatest_seed_has_its_place_in_the_table(tmp_path, tiny):
    cfg = tiny(seed=2**63 - 1, inference=GradientDescentConfig())
    finish(tmp_path / "x", cfg)
    assert list(load(collected(tmp_path / "x")).runs.seed) == [2**63 - 1]
