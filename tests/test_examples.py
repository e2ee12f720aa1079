"""The examples run as a reader runs them, and what they print says what their comments promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def printed_by(name: str) -> str:
    """What a script prints; it has to end without an error."""
    command = [sys.executable, "-W", "error::FutureWarning", EXAMPLES / f"{name}.py"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    result = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_own_network_and_data():
    lines = printed_by("own_network_and_data").splitlines()
    accuracy = {line.partition(":")[0]: float(re.findall(r"accuracy (\S+),", line)[0]) for line in lines}
    assert list(accuracy) == ["identity", "pixel_rotation", "global_permutation"]
    assert accuracy["identity"] > 0.9 > 0.75 > accuracy["global_permutation"] > 0.4  # chance is a half


def test_kernels_of_own_arrays():
    found = dict(re.findall(r"(.*): test accuracy (.*)", printed_by("kernels_of_own_arrays")))
    assert set(found) == {"linear, nngp", "linear, ntk", "erf, nngp", "erf, ntk"}
    assert max(float(found["linear, nngp"]), float(found["linear, ntk"])) < 0.7
    assert min(float(found["erf, nngp"]), float(found["erf, ntk"])) > 0.9


@pytest.mark.slow
def test_geometry_of_own_module():
    untrained, trained = printed_by("geometry_of_own_module").split("\ntrained: ")
    centre, boundary, outside = map(float, re.findall(r"[+-]\d+\.\d\d", trained)[:3])
    assert "untrained: log √det g" in untrained and boundary > max(centre, outside) + 1


def test_no_example_is_left_out():
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {file.stem for file in EXAMPLES.glob("*.py")} < tested
