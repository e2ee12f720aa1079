"""Paths and names on the command line, and folders that can't be written."""

import os
import subprocess
import sys

import pytest

from command_line import SMALL, invoke
from geomsym.errors import DataError
from geomsym.files import expanded, require_writable, require_writable_folder, write_text


def refused(*arguments):
    """The one line that a refused command says, which exits with code 2 and prints nothing else."""
    result = invoke(*arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    return result.stderr.strip()


def process(*arguments, cwd, code):
    """The result of a command in a process of its own, which runs `code`."""
    command = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


NAMES = [
    "../../x",
    "a/b",
    "/abs",
    "a\\b",
    ".",
    "..",
    "",
    " ",
    ".hidden",
    "-x",
    "~",
    "a\nb",
    "a\0b",
    "n" * 300,
    "é" * 150,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["sweep", "volume"])
def test_a_name_is_a_name(tmp_path, command, name):
    out = tmp_path / "a" / "b"
    assert "--name" in refused(command, *SMALL, "--out", out, f"--name={name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["widths_2", "ok [red] (1)", "é", "e\u0301", "a b", "x.y"])
def test_other_names_are_left_as_they_are(tmp_path, name):
    assert name in invoke("sweep", *SMALL, "--out", tmp_path, "--name", name, "--dry-run").stdout.replace("\n", "")


def test_the_home_folder_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert invoke("train", *SMALL, "--out=~/o", "--device", "cpu").exit_code == 0
    assert f"{tmp_path}/o/train" in invoke("status", "~/o", "--json").stdout
    drawn = invoke("plot", "~/o/train", "--out=~/figures").stdout.split()
    assert drawn and all(line.startswith(f"{tmp_path}/figures/") for line in drawn)
    (tmp_path / "sets").mkdir()
    assert f"looked in {tmp_path}/sets/" in refused("train", "data=mnist", "--data-root=~/sets", "--device=cpu")
    assert f"{tmp_path}/sets/" in refused("train", "data=mnist", "data.root=~/sets", "--device=cpu")
    monkeypatch.setenv("GEOMSYM_DATA", "~/sets")
    assert f"{tmp_path}/sets/" in refused("train", "data=mnist", "--device=cpu")
    assert f"{tmp_path}/a.npy" in refused("kernel", "--x1=~/a.npy", "--out=~/k.npz", "--device=cpu")
    assert sorted(os.listdir(tmp_path)) == ["figures", "o", "sets"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--out=~nobody-of-this-name/x"],
        ["status", "~nobody-of-this-name/x"],
        ["train", "data=mnist", "data.root=~nobody-of-this-name"],
    ],
)
def test_the_home_of_someone_unknown(arguments):
    assert "~nobody-of-this-name has no home folder here; write the whole path" in refused(*arguments)


FILE_FOR_FOLDER = [
    ["train", *SMALL, "--out", "{}"],
    ["sweep", *SMALL, "--out", "{}/x"],
    ["volume", *SMALL, "--grid", "--out", "{}/x/y"],
    ["data", "show", "data=digits", "--out", "{}/x"],
    ["data", "fetch", "mnist", "--data-root", "{}/x"],
    ["plot", "{}"],
    ["status", "{}"],
    ["verify", "inclusion", "--csv", "{}/x.csv"],
    ["verify", "invariance", "--figure", "{}/x.png"],
]


@pytest.mark.parametrize("arguments", FILE_FOR_FOLDER)
def test_a_file_where_a_folder_is_wanted(tmp_path, arguments):
    path = tmp_path / "file"
    path.write_text("mine")
    said = refused(*(argument.replace("{}", str(path)) for argument in arguments))
    assert str(path) in said and "file" in said
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("start", [["train", *SMALL], ["sweep", *SMALL], ["data", "show", "data=digits"]])
@pytest.mark.parametrize("out", ["link", "n" * 300, "new/" + "n" * 300])
def test_places_that_cannot_be_made(tmp_path, start, out):
    (tmp_path / "link").symlink_to("nowhere")
    said = refused(*start, "--out", tmp_path / out)
    assert "no such file or folder" in said if out == "link" else "the name is too long for the file system" in said
    assert os.listdir(tmp_path) == ["link"]


def test_a_folder_is_tried_and_not_made(tmp_path):
    require_writable(tmp_path / "a" / "b" / "c.csv")
    require_writable_folder(tmp_path / "a")
    assert os.listdir(tmp_path) == []
    with pytest.raises(DataError, match="is a folder, not a file"):
        require_writable(tmp_path)


def test_a_writer_that_fails_takes_its_new_folders_away_and_names_the_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geomsym.files.os.fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        write_text(tmp_path / "a" / "b" / "c.txt", "x")
    assert caught.value.filename == str(tmp_path / "a" / "b" / "c.txt") and os.listdir(tmp_path) == []


def test_the_longest_names_can_be_written(tmp_path):
    path = tmp_path / ("n" * 251 + ".csv")
    require_writable(path)
    write_text(path, "x")
    assert os.listdir(tmp_path) == [path.name]


def test_without_a_home_a_path_without_it_is_as_it_is(monkeypatch):
    monkeypatch.delenv("HOME")
    assert str(expanded("a/~b")) == "a/~b"


READ_ONLY = """
import errno, os, pathlib, sys, tempfile
from geomsym.cli.main import app

def refuse(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied", str(options.get("dir")))

tempfile.mkstemp = tempfile.TemporaryFile = refuse
app()
"""


def test_the_results_of_someone_else_are_read(tmp_path):
    invoke("sweep", *SMALL, "seed=0,1", "--out", tmp_path, "--device", "cpu", "--workers", 1)
    before = sorted(tmp_path.rglob("*"))
    again = ["sweep", *SMALL, "seed=0,1", "--out", tmp_path, "--device", "cpu"]
    done = process(*again, cwd=tmp_path, code=READ_ONLY)
    assert done.returncode == 0 and "2 runs: 2" in done.stdout and "not brought up to date" in done.stderr
    more = process(*again, "seed=2", cwd=tmp_path, code=READ_ONLY)
    assert more.returncode == 2 and "permission denied; ask its owner" in more.stderr
    assert "Traceback" not in done.stderr + more.stderr and sorted(tmp_path.rglob("*")) == before
