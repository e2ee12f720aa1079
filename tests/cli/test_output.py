"""What is printed in any encoding, and names that look like markup."""

import json
import os
import subprocess
import sys

import pytest

from command_line import SMALL, invoke
from geomsym.results import load
from marks import slow

ODD = "r [red] [bold]x :fire: (1) é"


def run_in(encoding, *arguments, **options):
    """The output, as bytes, of a command whose streams have an encoding."""
    environment = os.environ | {"PYTHONIOENCODING": encoding, "OMP_NUM_THREADS": "1"} | options.pop("env", {})
    command = [sys.executable, "-m", "geomsym", *map(os.fspath, arguments)]
    return subprocess.run(command, capture_output=True, env=environment, **options)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A finished sweep in a folder with an odd name."""
    out = tmp_path_factory.mktemp("o")
    groups = "transform=identity,global_rotation"
    result = invoke("sweep", *SMALL, groups, "--out", out, "--name", ODD, "--device", "cpu", "--workers", 1)
    assert result.exit_code == 0
    return out / ODD


@pytest.mark.parametrize("encoding", ["ascii:strict", *slow("utf-8", "ascii", "latin-1", "cp1252")])
def test_a_sweep_ends_well(experiment, encoding):
    groups = "transform=identity,global_rotation"
    arguments = ["sweep", *SMALL, groups, "--out", experiment.parent, "--name", ODD, "--device", "cpu"]
    done = run_in(encoding, *arguments)
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    text = done.stdout.decode(encoding.partition(":")[0])
    assert "FCN" in text
    assert "standard error over seeds" in text and ("±" in text or "+-" in text)
    if encoding.startswith("ascii"):
        assert "+-" in text and "+--" in text


@pytest.mark.parametrize(
    "arguments", [["--help"], ["verify", "--help"], ["data", "list"], ["train", "architecture=gäp⊗"]]
)
def test_help_and_refusals_in_ascii(arguments):
    done = run_in("ascii", *arguments)
    assert done.returncode == (2 if "train" in arguments else 0)
    (done.stdout + done.stderr).decode("ascii")
    assert b"Traceback" not in done.stderr and b"Error" not in done.stdout


def test_json_is_the_same_in_every_encoding(experiment):
    plain, ascii_ = (run_in(encoding, "status", experiment, "--json").stdout for encoding in ("utf-8", "ascii"))
    assert plain == ascii_ and list(json.loads(ascii_)) == [str(experiment)]


def test_without_a_locale(experiment):
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    done = run_in("", "status", experiment, env=bare)
    assert done.returncode == 0 and done.stderr == b"" and b"[red]" in done.stdout
    drawn = run_in("", "plot", experiment, env=bare)
    assert drawn.returncode == 0 and all(os.path.isfile(line) for line in drawn.stdout.splitlines())


def test_brackets_in_names_are_no_markup(experiment):
    shown = "".join(c for c in invoke("status", experiment).stdout if not c.isspace() and c not in "│┃")
    assert ODD.replace(" ", "") in shown
    plan = invoke("sweep", *SMALL, "--out", experiment.parent, "--name", ODD, "--dry-run")
    assert plan.exit_code == 0 and ODD in plan.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_names_that_are_not_utf8(tmp_path):
    out = os.fsencode(tmp_path) + b"/caf\xe9"
    done = subprocess.run(
        [sys.executable, "-m", "geomsym", "train", *SMALL, "--device", "cpu", "--out", out],
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0 and b"Traceback" not in done.stderr and b"caf\xe9/train" in done.stdout
    assert len(load(os.fsdecode(out + b"/train")).runs) == 1
    for command in (["status", out], ["status", out, "--json"], ["plot", out]):
        shown = run_in("utf-8", *command)
        assert shown.returncode == 0 and b"Traceback" not in shown.stderr
