"""`geomsym volume` as a user runs it: on the plane, along paths, in planes; twice; and with what it can't do."""

import json

import pytest
from typer.testing import CliRunner

from geomsym.cli.main import app
from geomsym.results import load
from marks import slow

POINTS = ["data=xor", "data.subset_size=40", "data.test_size=20", "architecture=fcn", "architecture.depth=1",
          "architecture.width=20", "architecture.activation=erf"]  # fmt: skip
IMAGES = ["data=digits", "data.subset_size=40", "data.test_size=40", "architecture=vec", "architecture.depth=2",
          "architecture.width=6"]  # fmt: skip
TRAINING = ["inference=cross_entropy", "inference.learning_rate=0.5", "inference.max_steps=10",
            "inference.stop_when_fitted=false"]  # fmt: skip


def invoke(folder, *arguments, command="volume"):
    return CliRunner().invoke(app, [command, *arguments, "--out", str(folder), "--device", "cpu", "--workers", "1"])


def said(result):
    return " ".join(result.stderr.split())


def test_a_grid_from_training_to_figures(tmp_path):
    command = ["--grid", *POINTS, *TRAINING, "inference.checkpoint_steps=[0,5,10]", "geometry.resolution=9"]
    command += ["data.shuffle_labels=false,true", "seed=0,1"]
    result = invoke(tmp_path, *command)
    assert result.exit_code == 0, result.stderr
    assert "trained − shuffled" in result.stdout and "on − off" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    tables = load(tmp_path / "volume")
    assert len(tables.runs) == 4 and len(tables.geometry) == 4 * 3 * 81
    assert tables.geometry.groupby("run_id").step.unique().map(list).tolist() == [[0, 5, 10]] * 4
    drawn = CliRunner().invoke(app, ["plot", str(tmp_path / "volume")])
    assert drawn.exit_code == 0
    kinds = {path.name.split("_xor")[0] for path in (tmp_path / "volume" / "figures").iterdir()}
    assert kinds >= {"volume_map", "volume_animation", "spectra", "magnification"}

    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("volume/runs/**/*.csv")}
    again = invoke(tmp_path, *command, "--json")
    assert again.exit_code == 0 and "Nothing to do" in said(again)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert {row["control"] for row in json.loads(again.stdout)} >= {"trained", "shuffled"}


@pytest.mark.parametrize(("flag", "points"), [("--interpolate", 6), *slow(("--plane", 16))])
def test_images_along_a_path_and_in_a_plane_in_every_layer(tmp_path, flag, points):
    size = "geometry.points=6" if flag == "--interpolate" else "geometry.resolution=4"
    result = invoke(tmp_path, flag, *IMAGES, *TRAINING, size, "geometry.layer=all", "geometry.split=train")
    assert result.exit_code == 0, result.stderr
    tables = load(tmp_path / "volume")
    assert len(tables.geometry) == 2 * 2 * points and set(tables.geometry.layer) == {"1", "2"}
    assert len(tables.anchors) == (2 if flag == "--interpolate" else 3)


def test_a_run_of_another_command_is_not_trained_again(tmp_path):
    run = [*POINTS, *TRAINING, "inference.checkpoint_steps=[0]"]
    trained = CliRunner().invoke(app, ["train", *run, "--out", str(tmp_path), "--device", "cpu"])
    assert trained.exit_code == 0
    measured = invoke(tmp_path, "--grid", *run, "geometry.resolution=3")
    assert measured.exit_code == 0 and "Nothing to do: finished already, 1 of 1." in said(measured)
    assert load(tmp_path / "volume").runs.run_id.tolist() == load(tmp_path / "train").runs.run_id.tolist()


def test_a_run_that_diverged_is_counted_and_left_out(tmp_path):
    result = invoke(tmp_path, "--grid", *POINTS, *TRAINING, "inference.learning_rate=1e9", "geometry.resolution=3")
    assert result.exit_code == 0 and "1 run: 1 diverged; diverged ones don't count" in said(result)
    assert load(tmp_path / "volume").magnification.empty


def test_the_configuration_is_shown(tmp_path):
    result = invoke(tmp_path, "--plane", *IMAGES, "--cfg")
    assert result.exit_code == 0 and "name: plane" in result.stdout and "margin: 0.25" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", *IMAGES, *TRAINING], "geometry=grid: the data have 192 dimensions, not 2"),
        (["--grid", *POINTS, *TRAINING, "geometry.layer=4"], "geometry.layer=4: hidden layers by number: 1"),
        (["--grid", *POINTS, "inference=ntk"], "inference=ntk: has no trained network to measure"),
        (["--interpolate", *IMAGES, *TRAINING, "geometry.samples=[3,3]"], "geometry.samples=[3, 3]: give the indices"),
        (["--grid", *POINTS, "geometry.bounds=[1,0]"], "geometry.bounds=[1.0, 0.0]: give two numbers low < high"),
        (["--grid", *POINTS, "geometry.resolutoin=3"], "did you mean 'geometry.resolution'?"),
        (["--grid", "--plane", *POINTS], "one of --grid, --interpolate and --plane at a time"),
    ],
)
def test_what_can_not_be_done_leaves_nothing(tmp_path, arguments, message):
    result = invoke(tmp_path, *arguments)
    assert result.exit_code == 2 and message in said(result).replace("│ ", "").replace(" │", "")
    assert list(tmp_path.iterdir()) == []
