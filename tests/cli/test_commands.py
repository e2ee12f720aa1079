"""The commands as a user runs them: output, exit codes, messages."""

import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from PIL import Image

import geomsym
from command_line import SMALL, invoke
from geomsym.cli.groups import GROUPS, options
from geomsym.config import RunConfig
from geomsym.data import SOURCES
from geomsym.execute import record
from geomsym.plotting import FIGURES
from geomsym.results import STATUSES, RunFolder, load, run_id


def process(*arguments, cwd, code=None):
    """The result of a command in a process of its own."""
    start = ["-c", code] if code else ["-m", "geomsym"]
    command = [sys.executable, *start, *(str(argument) for argument in arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def refused(*arguments):
    """The one line that a refused command says, which exits with code 2 and prints nothing else."""
    result = invoke(*arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    return result.stderr.strip()


def test_version_in_a_process(tmp_path):
    result = process("--version", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"geomsym {geomsym.__version__}\n", "")


def test_version():
    assert invoke("--version").stdout == f"geomsym {geomsym.__version__}\n"


def test_help_lists_the_commands():
    shown = invoke("--help").stdout
    assert {"train", "sweep", "plot", "status", "data", "--version"} <= set(shown.split())


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_help_lists_the_groups_and_their_options(command):
    shown = invoke(command, "--help").stdout
    for group in GROUPS:
        assert f"{group}:" in shown
        assert all(option in shown for option in options(group))


def test_the_resolved_config_has_what_was_overridden():
    plain = yaml.safe_load(invoke("train", "architecture=vec", "inference.l2=0.5", "--cfg").stdout)
    assert plain["architecture"]["name"] == "vec" and plain["inference"]["l2"] == 0.5
    assert plain["dtype"] == RunConfig().dtype


def test_the_resolved_config_of_a_sweep_has_its_axes():
    assert yaml.safe_load(invoke("sweep", "seed=4,5", "--cfg").stdout)["axes"] == {"seed": [{"seed": 4}, {"seed": 5}]}


def test_train_writes_a_run_and_does_not_do_it_twice(tmp_path, tiny):
    first = invoke("train", *SMALL, "--out", tmp_path, "--json", "--device", "cpu")
    assert first.exit_code == 0
    row = json.loads(first.stdout)
    assert row["steps"] == 20 and row["architecture"] == "fcn" and row["width"] == 8
    path = tmp_path / "train" / "runs" / row["run_id"] / "metrics.json"
    assert json.loads(path.read_text()) == row
    assert list(load(tmp_path / "train").runs.run_id) == [row["run_id"]]
    before = path.stat().st_mtime_ns
    second = invoke("train", *SMALL, "--out", tmp_path, "--device", "cpu")
    assert "nothing to do" in second.stderr.lower() and path.stat().st_mtime_ns == before
    assert row["run_id"] in second.stdout and f"{row['test_accuracy']:.4g}" in second.stdout


def test_train_in_a_process(tmp_path):
    result = process("train", *SMALL, "--json", "--device", "cpu", cwd=tmp_path)
    assert result.returncode == 0 and "Traceback" not in result.stderr
    row = json.loads(result.stdout)
    assert (tmp_path / "outputs" / "train" / "runs" / row["run_id"] / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "architecture=gapp"], "architecture=gapp: not one of fcn, gap, lap, lcn, stack, vec"),
        (["train", "data.subset_siz=3"], "did you mean 'data.subset_size'?"),
        (["train", "data.subset_size=-3"], "data.subset_size=-3: give a number of at least 1"),
        (["train", "seed=1,2"], "several values are a sweep"),
        (["train", "seed=x", "--cfg"], "seed=x: Value 'x' of type 'str' could not"),
        (["sweep", "seed=interval(0,1)"], "an interval has no grid"),
        (["sweep", "experiment=fig3"], "did you mean 'fig2'?"),
        (["sweep", "axes.seed=3", "--dry-run"], "axes.seed=3: give a list of values"),
        (["plot", "{tmp}"], "{tmp}: no finished runs to draw there"),
        (["status", "{tmp}"], "{tmp}: no runs there"),
        (["status", "{tmp}/none"], "{tmp}/none: no runs there"),
        (["data", "fetch", "cifar"], "data=cifar: not one of .*; did you mean 'cifar10'?"),
        (["data", "fetch", "digits"], "data=digits: nothing to download"),
        (["data", "show", "architecture=gapp"], "architecture=gapp: not one of"),
        (["data", "show", "data=sinusoid", "--out", "{tmp}"], "data=sinusoid: has no pictures to show"),
        (["data", "show", "data=digits", "--index", "100000"], "--index 100000: there are"),
        (["train", "--data-root", "{tmp}/none"], "--data-root {tmp}/none: no such folder"),
        (["train", "data=arrays", "data.root={tmp}/none.npz", "--out", "{tmp}"], "data.root={tmp}/none.npz: "),
    ],
)
def test_what_a_user_can_mend_ends_with_one_message(tmp_path, arguments, message):
    said = refused(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    *parts, last = message.replace("{tmp}", str(tmp_path)).split(".*")
    for part in (*parts, last):
        assert part in said


def test_data_that_are_not_there_end_the_command_before_anything_is_written(tmp_path):
    arguments = ["train", "data=mnist", f"data.root={tmp_path}", "--out", tmp_path / "o", "--device", "cpu"]
    result = invoke(*arguments)
    assert result.exit_code == 2 and "geomsym data fetch mnist" in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["data=digits", "data.channels=1", "transform=identity,pixel_rotation"], "transform.name=pixel_rotation"),
        (["architecture=lap", "architecture.window=2,3"], "architecture.window=3: does not divide the 8×8 image"),
        (["data.subset_size=10,60000"], "data.subset_size=60000: class 'astronaut' has only 5000 examples"),
        (["data=xor", "architecture=fcn", "data.flip=false,true"], "data.flip=True: points and vectors"),
    ],
)
def test_a_sweep_with_one_run_that_cannot_be_done_does_not_begin(tmp_path, bad, message):
    result = invoke("sweep", *bad, "--out", tmp_path / "o", "--device", "cpu")
    assert result.exit_code == 2 and message in result.stderr.replace("\n", " ")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "arguments", [["trian"], ["train", "--nothing"], ["train", "--device", "tpu"], ["sweep", "--workers", "0"]]
)
def test_misspelt_commands_and_flags_exit_with_2(arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2 and result.stdout == "" and "Traceback" not in result.stderr


def test_a_gpu_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "--device cuda: torch finds no CUDA device" in refused("train", "--device", "cuda", "--out", tmp_path)


def test_a_mistake_is_told_without_a_traceback_in_a_process(tmp_path):
    result = process("train", "architecture=gapp", cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == "" and list(tmp_path.iterdir()) == []
    assert re.fullmatch(r"Error: architecture=gapp: not one of .*\n", result.stderr)


BUG = """
import geomsym.execute.record as record
from geomsym.cli.main import app

def run(*arguments):
    raise RuntimeError("a bug")

record.run = run
app()
"""


def test_a_bug_shows_its_traceback(tmp_path):
    result = process("train", *SMALL, "--device", "cpu", cwd=tmp_path, code=BUG)
    assert result.returncode == 1 and "Traceback (most recent call last)" in result.stderr
    assert result.stderr.rstrip().endswith("RuntimeError: a bug") and ", in run" in result.stderr
    assert list(load(tmp_path / "outputs" / "train").runs.error) == ["RuntimeError: a bug"]


def sweep(folder, *arguments):
    return invoke("sweep", *SMALL, "--out", folder, "--device", "cpu", "--workers", 1, *arguments)


def test_a_dry_run_lists_the_runs_and_writes_nothing(tmp_path):
    shown = sweep(tmp_path, "seed=0,1,2", "transform=identity,global_rotation", "--dry-run").stdout
    assert "6 runs, 0 finished, 6 to do" in shown.replace("\n", " ")
    assert shown.count("global_rotation") == 3 and list(tmp_path.iterdir()) == []
    rows = json.loads(sweep(tmp_path, "seed=0,1,2", "--dry-run", "--json").stdout)
    assert [(row["seed"], row["finished"]) for row in rows] == [(0, False), (1, False), (2, False)]


def test_a_sweep_its_plan_its_status_and_its_figures(tmp_path):
    arguments = ["seed=0,1", "transform=identity,global_rotation", "--name", "grid"]
    done = sweep(tmp_path, *arguments)
    assert done.exit_code == 0 and "4 runs: " in done.stdout and "FCN" in done.stdout
    runs = load(tmp_path / "grid").runs
    assert len(runs) == 4 and set(runs.experiment) == {"grid"}
    assert "4 runs, 4 finished, 0 to do" in sweep(tmp_path, *arguments, "--dry-run").stdout.replace("\n", " ")

    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")}
    again = sweep(tmp_path, *arguments, "--json")
    assert "nothing to do" in again.stderr.lower() and len(times) == 4
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")} == times
    summary = json.loads(again.stdout)
    assert [row["runs"] for row in summary] == [2, 2]

    counts = json.loads(invoke("status", tmp_path, "--json").stdout)
    assert list(counts) == [str(tmp_path / "grid")]
    (count,) = counts.values()
    assert set(count) == set(STATUSES) and sum(count.values()) == 4
    assert count == runs.status.value_counts().reindex(STATUSES, fill_value=0).to_dict()
    shown = invoke("status", tmp_path / "grid").stdout
    assert all(heading[:4] in shown for heading in ("experiment", "ok", "failed", "left"))

    drawn = invoke("plot", tmp_path)
    files = [tmp_path / "grid" / "figures" / line.rsplit("/", 1)[-1] for line in drawn.stdout.split()]
    assert sorted({path.suffix for path in files}) == [".pdf", ".png"]
    for path in files:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
        else:
            assert path.read_bytes().startswith(b"%PDF")


def test_a_grown_sweep_does_only_what_is_new(tmp_path):
    sweep(tmp_path, "seed=0,1")
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")}
    sweep(tmp_path, "seed=1,2,0")
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")}
    assert len(after) == 3 and times.items() <= after.items()


def test_failures_stop_no_other_run_are_told_once_and_tried_again(tmp_path, monkeypatch):
    real = record.run

    def sometimes(cfg, *rest):
        if cfg.seed != 1:
            raise RuntimeError("no luck")
        return real(cfg, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(record, "run", sometimes)
        result = sweep(tmp_path, "seed=0,1,2")
    assert result.exit_code == 1 and result.stderr.count("no luck") == 1
    assert "2 failed" in result.stderr and "2 of 3 runs failed" in result.stderr
    runs = load(tmp_path / "sweep").runs
    assert list(runs.error.fillna("")) == ["RuntimeError: no luck", "", "RuntimeError: no luck"]
    assert json.loads(invoke("status", tmp_path, "--json").stdout)[str(tmp_path / "sweep")]["failed"] == 2

    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("curves.csv") if path.parent.parent.name == "runs"}
    assert sweep(tmp_path, "seed=0,1,2").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert load(tmp_path / "sweep").runs.error.isna().all()


def test_an_interrupted_run_is_seen_by_status_and_done_by_the_same_command(tmp_path, tiny):
    sweep(tmp_path, "seed=0,1")
    victim = next(path for path in tmp_path.rglob("metrics.json"))
    expected = pd.read_csv(tmp_path / "sweep" / "runs.csv").drop(columns="seconds")
    victim.unlink()
    assert json.loads(invoke("status", tmp_path, "--json").stdout)[str(tmp_path / "sweep")]["interrupted"] == 1
    sweep(tmp_path, "seed=0,1")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "sweep" / "runs.csv").drop(columns="seconds"), expected)


def test_the_command_line_and_the_notebook_find_the_same_run(tmp_path, tiny):
    from geomsym.cli.compose import compose

    invoke("train", *SMALL, "--out", tmp_path, "--device", "cpu")
    folder = RunFolder(tmp_path / "train", compose(SMALL))
    assert folder.path.name == run_id(compose(SMALL)) and folder.is_finished


def test_the_sources_are_listed():
    assert set(json.loads(invoke("data", "list", "--json").stdout)) == set(SOURCES)
    shown = invoke("data", "list").stdout
    assert all(name in shown for name in SOURCES)


def test_a_picture_of_the_groups(tmp_path):
    result = invoke("data", "show", "data=digits", "--out", tmp_path)
    assert result.exit_code == 0
    with Image.open(tmp_path / "data" / "digits.png") as image:
        image.load()
        assert image.format == "PNG" and min(image.size) > 200
    assert (tmp_path / "data" / "digits.pdf").read_bytes().startswith(b"%PDF")


def test_points_have_no_picture(tmp_path):
    result = invoke("data", "show", "data=xor", "--out", tmp_path / "o")
    assert result.exit_code == 2 and "data=xor: has no pictures to show" in result.stderr
    assert not (tmp_path / "o").exists()


def test_plot_says_what_each_figure_needs_and_what_there_is(tmp_path):
    invoke("train", *SMALL, "--out", tmp_path, "--device", "cpu")
    said = invoke("plot", tmp_path / "train").stderr
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if "│" in line]
    needs, here = (" ".join(row[column] for row in cells) for column in (1, 2))
    assert "two groups or more" in needs and "1 finished run under identity" in here
    assert "no geometry is measured" in here
    assert {row[0] for row in cells} == {"", *(kind.name for kind in FIGURES)} - {"learning_curves"}


def test_plot_of_an_experiment_without_any_figure(tmp_path):
    invoke("sweep", *SMALL[:6], "inference=ntk", "--out", tmp_path, "--device", "cpu", "--workers", 1)
    result = invoke("plot", tmp_path / "sweep")
    assert result.exit_code == 2 and result.stdout == "" and "1 run by ntk" in result.stderr
    assert "Error: " in result.stderr and "no figure can be drawn" in result.stderr
    assert not (tmp_path / "sweep" / "figures").exists()


def test_a_spoilt_run_is_shown_and_done_again(tmp_path):
    sweep(tmp_path, "seed=0,1")
    victim = sorted(tmp_path.rglob("metrics.json"))[0]
    victim.write_text('{"status": "o')
    shown = invoke("status", tmp_path)
    assert shown.exit_code == 0 and "spoilt" in shown.stdout and f"{victim}: not valid JSON" in shown.stderr
    drawn = invoke("plot", tmp_path)
    assert drawn.exit_code == 0 and drawn.stdout and f"Left out: {victim}: not valid JSON" in drawn.stderr
    again = sweep(tmp_path, "seed=0,1")
    assert again.exit_code == 0 and f"Spoilt, and done again now: {victim}" in again.stderr
    assert len(load(tmp_path / "sweep").runs) == 2 and invoke("status", tmp_path).stderr == ""


def test_a_spoilt_checkpoint_fails_its_own_scan_alone(tmp_path):
    arguments = ["volume", *SMALL, "seed=0,1", "--grid", "--out", tmp_path, "--device", "cpu", "--workers", 1]
    assert invoke(*arguments, "geometry.resolution=3").exit_code == 0
    victim = sorted(tmp_path.rglob("checkpoint.pt"))[0]
    victim.write_bytes(b"not a checkpoint")
    result = invoke(*arguments, "geometry.resolution=4")
    assert result.exit_code == 1 and f"{victim}: not a checkpoint of this program" in result.stderr
    assert "weights_only" not in result.stderr and load(tmp_path / "volume").geometry.scan.nunique() == 2
