"""A sweep that is stopped at any moment leaves whole files and no process, and the same command completes it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from geomsym.cli.compose import compose_sweep
from geomsym.cli.work import distinct_runs, do_runs, executor

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")

RUNS = 8
GRID = ["data=sinusoid", "architecture=fcn", "architecture.width=64", "architecture.depth=2",
        "inference.learning_rate=0.01", "inference.stop_when_fitted=false", "inference.eval_every=50",
        "inference.checkpoint_steps=[0]", f"seed=range(0,{RUNS})"]  # fmt: skip
LENGTH = {"short": "inference.max_steps=400", "long": "inference.max_steps=1000000"}
PATIENCE = 120  # seconds until a wait counts as a failure; nothing depends on how long it takes


def start(folder, length="short", workers=2):
    """A sweep in a session of its own, on two cores at most: its workers then have one thread each, as pytest has."""
    command = [sys.executable, "-m", "geomsym", "sweep", *GRID, LENGTH[length]]
    command += ["--out", str(folder), "--workers", str(workers), "--device", "cpu"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, start_new_session=True, preexec_fn=keep_two_cores, **pipes)


def keep_two_cores():
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def finish(process) -> str:
    """Wait for a sweep to end well; returns what it said."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out + err


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def living(group: int) -> list[int]:
    """The processes of a group that are alive, zombies not counted."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group_id = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(group_id) == group and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def files(folder, name) -> list[Path]:
    return list(folder.glob(f"sweep/runs/*/{name}"))


def kill_when(process, condition):
    """SIGKILL the parent alone at a moment; its workers have to die of themselves."""
    wait_until(lambda: condition() or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1]
    process.kill()
    process.wait()
    process.stdout.close(), process.stderr.close()
    wait_until(lambda: not living(process.pid))


def check_whole(folder):
    """Every file that has its name has its whole content."""
    for path in folder.rglob("*"):
        if path.name.startswith("."):
            continue  # a temporary file, which nothing reads
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".yaml":
            assert set(yaml.safe_load(path.read_text())) >= {"data", "seed"}
        elif path.suffix == ".csv":
            assert path.read_text().endswith("\n") and len(pd.read_csv(path)) > 0


def tables(folder) -> tuple[str, bytes]:
    """runs.csv without its times, and curves.csv."""
    runs = pd.read_csv(folder / "sweep" / "runs.csv", dtype=str).drop(columns="seconds")
    return runs.to_csv(), (folder / "sweep" / "curves.csv").read_bytes()


def do_here(folder) -> tuple[str, bytes]:
    """The tables of the sweep, done or completed run after run in this process."""
    experiment, configs = folder / "sweep", compose_sweep([*GRID, LENGTH["short"]])[1]
    do_runs(experiment, distinct_runs(experiment, configs), executor("cpu", workers=1))
    return tables(folder)


@pytest.mark.slow
def test_kill_and_continue(tmp_path):
    killed = tmp_path / "killed"
    kill_when(start(killed), lambda: len(files(killed, "metrics.json")) >= 2)
    check_whole(killed)
    kept = {path: path.stat().st_mtime_ns for path in files(killed, "metrics.json")}
    assert len(kept) < RUNS
    assert do_here(killed) == do_here(tmp_path / "undisturbed")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_kill_again_and_again(tmp_path):
    killed = tmp_path / "killed"
    moments = [
        lambda: files(killed, "config.yaml"),
        lambda: files(killed, "environment.json"),
        lambda: len(files(killed, "metrics.json")) >= 1,
        lambda: len(files(killed, "metrics.json")) >= RUNS // 2,
    ]
    for moment in moments:
        kill_when(start(killed), moment)
        check_whole(killed)
    finish(start(killed))
    check_whole(killed)
    assert len(files(killed, "metrics.json")) == RUNS
    assert tables(killed) == do_here(tmp_path / "undisturbed")
    times = {path: path.stat().st_mtime_ns for path in files(killed, "*")}
    assert "nothing to do" in finish(start(killed)).lower()
    assert {path: path.stat().st_mtime_ns for path in files(killed, "*")} == times


@pytest.mark.parametrize(
    ("number", "code", "workers"),
    [
        (signal.SIGINT, 130, 1),
        (signal.SIGTERM, 143, 1),
        pytest.param(signal.SIGINT, 130, 2, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, 2, marks=pytest.mark.slow),
    ],
)
def test_interrupts_end_the_command_after_the_tables(tmp_path, number, code, workers):
    process = start(tmp_path, "long", workers)
    wait_until(lambda: len(files(tmp_path, "environment.json")) >= workers or process.poll() is not None)
    send = os.killpg if number == signal.SIGINT else os.kill  # Ctrl-C reaches the workers as well
    send(process.pid, number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert f"Interrupted with 0 of {RUNS} runs done. The same command continues." in err
    assert "Traceback" not in err
    wait_until(lambda: not living(process.pid))
    runs = pd.read_csv(tmp_path / "sweep" / "runs.csv")
    assert list(runs.status) == ["interrupted"] * workers
    assert len(files(tmp_path, "config.yaml")) == RUNS


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_continues(tmp_path, number):
    process = start(tmp_path / "stopped")
    wait_until(lambda: files(tmp_path / "stopped", "metrics.json") or process.poll() is not None)
    os.kill(process.pid, number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    done = pd.read_csv(tmp_path / "stopped" / "sweep" / "runs.csv")
    assert 1 <= (done.status != "interrupted").sum() < RUNS
    check_whole(tmp_path)
    finish(start(tmp_path / "stopped"))
    assert tables(tmp_path / "stopped") == do_here(tmp_path / "undisturbed")
