"""Jobs one after the other and side by side: the same files, and no job stops the others, whatever becomes of it."""

import os
import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
import torch

from geomsym.config import ArchitectureConfig, DataConfig
from geomsym.errors import ConfigError
from geomsym.execute import (
    Failed,
    Finished,
    Job,
    Processes,
    Progressed,
    Retried,
    Serial,
    WorkerDied,
    complete,
    jobs,
    processes,
    record,
)
from geomsym.inference.result import PREPARATIONS
from geomsym.results import RunFolder, collect, load
from marks import slow


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Two workers then have one thread each, like this process, so that their sums round alike."""
    monkeypatch.setattr(processes, "available_cores", lambda: 2)


def executor(workers):
    return Serial("cpu") if workers == 1 else Processes("cpu", workers)


def told(work, workers):
    """The events of all jobs; each ends once, and nothing of it comes later."""
    events, ended = [], set()

    def tell(event):
        assert event.job not in ended
        ended.update([event.job] * isinstance(event, Finished | Failed))
        events.append(event)

    with executor(workers) as place:
        place.run(work, tell)
    assert ended == set(range(len(work)))
    return events


def do(runs, workers):
    """The errors of all runs, and the reports of their progress."""
    events = told(jobs(runs), workers)
    errors = {event.job: getattr(event, "error", None) for event in events if isinstance(event, Finished | Failed)}
    return errors, [(e.job, e.done, e.total, e.note) for e in events if isinstance(e, Progressed)]


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


def place(folder, tiny):
    return RunFolder(folder, tiny())


@dataclass(frozen=True)
class Trial(Job):
    """A job that writes nothing down of its failure."""

    def fail(self, error, device):
        pass


@dataclass(frozen=True)
class NoteThreads(Trial):
    def do(self, device, report):
        (self.run.experiment / str(os.getpid())).write_text(f"{torch.get_num_threads()} {numba.get_num_threads()}")


def test_workers_share_the_cores(tmp_path, tiny, monkeypatch):
    """Threads of torch and of numba, both; more than there are cores would wait for each other in every loop."""
    monkeypatch.setattr(processes, "available_cores", lambda: 4)
    events = told([NoteThreads(place(tmp_path, tiny))] * 4, 4)
    assert len(events) == 4 and all(isinstance(event, Finished) for event in events)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"1 1"}


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


@dataclass(frozen=True)
class Die(Trial):
    """Ends its process, so many times; by a signal, or with an exit code."""

    times: int = 1
    number: int = signal.SIGKILL
    code: int | None = None

    def do(self, device, report):
        deaths = self.run.experiment / "deaths"
        count = len(deaths.read_text()) if deaths.exists() else 0
        if count < self.times:
            deaths.write_text("x" * (count + 1))
            report(1, 2, "steps")
            os._exit(self.code) if self.code is not None else os.kill(os.getpid(), self.number)


@dataclass(frozen=True)
class Write(Trial):
    name: str = "done"

    def do(self, device, report):
        (self.run.experiment / self.name).write_text(str(os.getpid()))


def test_a_job_whose_worker_dies_is_begun_anew_and_the_others_go_on(tmp_path, tiny):
    run = place(tmp_path, tiny)
    work = [Write(run, "0"), Die(run), *(Write(run, str(k)) for k in (2, 3, 4))]
    events = told(work, 2)
    (retried,) = (event for event in events if isinstance(event, Retried))
    assert retried.job == 1 and not any(isinstance(event, Failed) for event in events)
    assert str(retried.error).startswith(
        "its worker process was ended by SIGKILL, for lack of memory or by someone (it"
    )
    assert len(list(tmp_path.glob("[0-9]"))) == 4
    assert [e for e in events if isinstance(e, Progressed)] == [Progressed(1, 1, 2, "steps")]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"number": signal.SIGSEGV}, "was ended by SIGSEGV: a crash in compiled code"),
        *slow(({"number": signal.SIGTERM}, "was ended by SIGTERM, from outside")),
        *slow(({"code": 3}, "ended with exit code 3")),
    ],
)
def test_a_job_whose_workers_die_again_fails_alone(tmp_path, tiny, settings, reason):
    run = place(tmp_path, tiny)
    events = told([Die(run, times=9, **settings), Write(run)], 2)
    assert [type(event) for event in events if event.job == 0] == [Progressed, Retried, Progressed, Failed]
    (failed,) = (event for event in events if isinstance(event, Failed))
    assert isinstance(failed.error, WorkerDied) and reason in str(failed.error)
    assert (tmp_path / "done").exists()


@dataclass(frozen=True)
class DieLater(Trial):
    """Ends its process when the job is done."""

    def do(self, device, report):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()


def test_a_worker_that_dies_between_two_jobs_is_replaced(tmp_path, tiny, monkeypatch):
    """The second job is begun when the first one's process is dead."""
    real = processes._Worker.begin

    def begin_later(worker, index, job):
        if index:
            worker.process.join()
        real(worker, index, job)

    monkeypatch.setattr(processes._Worker, "begin", begin_later)
    events = []
    with Processes("cpu", 1) as workers:
        workers.run([DieLater(place(tmp_path, tiny)), Write(place(tmp_path, tiny))], events.append)
    assert events == [Finished(0), Finished(1)] and (tmp_path / "done").exists()


def test_a_run_whose_worker_dies_is_written_down_as_failed(tmp_path, tiny, monkeypatch):
    """The worker can't do so: it is killed at the first report of every attempt."""
    run, events = RunFolder(tmp_path, tiny(inference=replace(tiny().inference, max_steps=10**6))), []

    def show(event):
        events.append(event)
        if isinstance(event, Progressed):
            for pid in workers():
                os.kill(pid, signal.SIGKILL)

    with Processes("cpu", 2, retries=2) as two:
        failures = complete(jobs([run]), two, show)
    assert [type(event) for event in events if not isinstance(event, Progressed)] == [Retried, Retried, Failed]
    record = run.record()
    assert record["status"] == "failed" and record["error"] == str(failures[0]) and "SIGKILL" in record["error"]


def test_an_error_outside_the_jobs_leaves_no_worker(tmp_path, tiny):
    long = replace(tiny().inference, max_steps=10**6)
    runs = [RunFolder(tmp_path, tiny(seed=seed, inference=long)) for seed in range(3)]

    def fail(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Processes("cpu", 2).run(jobs(runs), fail)
    assert workers() == [] and not any(run.is_finished for run in runs)


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
