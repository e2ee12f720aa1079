"""Runs one after the other and side by side: the same files, and no run stops the others."""

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
import torch

from geomsym.config import ArchitectureConfig, DataConfig
from geomsym.errors import ConfigError, UserError
from geomsym.execute import execute, jobs, local, record
from geomsym.inference.result import PREPARATIONS
from geomsym.results import RunFolder, collect, load


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Two workers then have one thread each, like this process, so that their sums round alike."""
    monkeypatch.setattr(local, "available_cores", lambda: 2)


def do(runs, workers):
    errors, reports = {}, []

    def done(index, error):
        assert index not in errors
        errors[index] = error

    execute(jobs(runs, "cpu"), workers, lambda *report: reports.append(report), done)
    return errors, reports


def grid(tiny):
    """Four runs that succeed around one that can't: a point has no windows of 4×4 pixels."""
    good = [tiny(seed=seed) for seed in range(4)]
    good = [replace(cfg, inference=replace(cfg.inference, checkpoint_steps=[0])) for cfg in good]
    bad = tiny(architecture=ArchitectureConfig("lap", width=8, depth=2, window=4))
    return [*good[:2], bad, *good[2:]]


def contents(folder):
    """The files of a run as text, without what depends on when and how fast it ran."""
    record = {key: value for key, value in folder.record().items() if key != "seconds"}
    files = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    for name in ("metrics.json", "environment.json", "error.txt"):
        files.pop(name, None)
    return record, files


def test_serial_and_parallel_execution_agree_and_a_failure_stops_no_other(tmp_path, tiny):
    sides = [[RunFolder(tmp_path / name / "x", cfg) for cfg in grid(tiny)] for name in ("serial", "parallel")]
    for runs, workers in zip(sides, (1, 2), strict=True):
        errors, reports = do(runs, workers)
        assert sorted(errors) == list(range(5)) and [k for k, e in errors.items() if e is not None] == [2]
        assert isinstance(errors[2], ConfigError)
        assert str(errors[2]).startswith("architecture.window=4: ")
        assert {index for index, *_ in reports} <= {0, 1, 3, 4}
        assert {most for _, _, most, note in reports if note not in PREPARATIONS} <= {20}
        assert [run.is_finished for run in runs] == [True, True, False, True, True]
        failed = runs[2].record()
        assert failed["status"] == "failed" and failed["error"] == str(errors[2])
        assert "ConfigError" in (runs[2].path / "error.txt").read_text()
        collect(runs[0].experiment)
    for one, other in zip(*sides, strict=True):
        assert contents(one) == contents(other)
    serial, parallel = (load(tmp_path / name / "x") for name in ("serial", "parallel"))
    pd.testing.assert_frame_equal(serial.runs.drop(columns="seconds"), parallel.runs.drop(columns="seconds"))
    pd.testing.assert_frame_equal(serial.curves, parallel.curves)


def note_threads(folder, report):
    (folder / str(os.getpid())).write_text(f"{torch.get_num_threads()} {numba.get_num_threads()}")


def test_workers_share_the_cores(tmp_path, monkeypatch):
    """Threads of torch and of numba, both; more than there are cores would wait for each other in every loop."""
    monkeypatch.setattr(local, "available_cores", lambda: 4)
    errors = []
    execute([partial(note_threads, tmp_path)] * 4, 4, lambda *_: None, lambda _, error: errors.append(error))
    assert errors == [None] * 4 and {path.read_text() for path in tmp_path.iterdir()} == {"1 1"}


def test_serial_runs_are_reported_in_order(tmp_path, tiny):
    runs = [RunFolder(tmp_path, tiny(seed=seed)) for seed in range(2)]
    errors, reports = do(runs, 1)
    assert errors == {0: None, 1: None}
    steps = [tuple(report[:3]) for report in reports if report[3] not in PREPARATIONS]
    assert list(dict.fromkeys(steps)) == [(k, step, 20) for k in range(2) for step in (0, 5, 10, 15, 20)]


def test_an_interrupt_stops_serial_execution_where_it_is(tmp_path, tiny, monkeypatch):
    runs, calls = [RunFolder(tmp_path, tiny(seed=seed)) for seed in range(3)], []

    def interrupted(cfg, *rest):
        calls.append(cfg)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(cfg, *rest)

    real = record.run
    monkeypatch.setattr(record, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        do(runs, 1)
    assert calls == [run.cfg for run in runs[:2]] and [run.is_finished for run in runs] == [True, False, False]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc")
def test_a_worker_that_is_killed_from_outside_is_told_and_leaves_no_other(tmp_path, tiny):
    runs = [tiny(seed=seed) for seed in range(3)]
    runs = [RunFolder(tmp_path, replace(cfg, inference=replace(cfg.inference, max_steps=10**6))) for cfg in runs]
    victims = []

    def kill_one(*report):
        if not victims:
            victims.extend(workers())
            os.kill(victims[0], signal.SIGKILL)

    with pytest.raises(UserError, match="a worker process was ended by SIGKILL"):
        execute(jobs(runs, "cpu"), 2, kill_one, lambda index, error: None)
    assert len(victims) == 2 and workers() == []
    assert not any(run.is_finished for run in runs)


def workers():
    """The ids of the living worker processes of this process."""
    tasks = Path("/proc/self/task").iterdir()
    children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_data_that_have_gone_since_fail_by_their_key_and_stop_no_other(tmp_path, tiny):
    x, y = np.zeros((4, 5)), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    runs = [
        RunFolder(tmp_path / "x", cfg) for cfg in (tiny(data=DataConfig("arrays", str(tmp_path / "x.npz"))), tiny())
    ]
    (tmp_path / "x.npz").unlink()
    errors, _ = do(runs, 1)
    assert isinstance(errors[0], ConfigError) and "data.root" in str(errors[0]) and errors[1] is None
