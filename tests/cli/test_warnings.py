"""A learning rate above the limit is said before training, once, from whichever process."""

import pytest
from typer.testing import CliRunner

from geomsym.cli.main import app
from marks import slow

POINTS = ["data=xor", "data.subset_size=40", "data.test_size=40", "architecture=fcn", "architecture.width=16",
          "architecture.depth=2", "inference.max_steps=5"]  # fmt: skip


@pytest.mark.parametrize("workers", ["1", *slow("2")])
def test_a_sweep_warns_once_for_each_setting(tmp_path, workers):
    arguments = ["sweep", *POINTS, "inference.learning_rate_factor=8,9,1", "seed=0,1", "--workers", workers]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    said = [line for line in result.stderr.replace("\n", " ").split("Warning") if line.startswith(": ")]
    assert result.exit_code == 0 and len(said) == 2
    assert {line.split(": ")[1] for line in said} == {
        "inference.learning_rate_factor=8", "inference.learning_rate_factor=9",
    }  # fmt: skip
    assert all("Give " in line and "may diverge" in line for line in said)
    assert "2 more runs" in result.stderr and "Traceback" not in result.stderr


def test_a_run_inside_the_limit_is_not_warned_of(tmp_path):
    arguments = ["train", *POINTS, "inference.learning_rate_factor=1", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "Warning" not in result.stderr
