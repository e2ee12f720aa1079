"""`geomsym bench` as a user runs it; what it measures is the machine's business."""

import json

import pytest
from typer.testing import CliRunner

from geomsym.cli.main import app


def invoke(*arguments):
    return CliRunner().invoke(
        app, ["bench", "kernel", "--depth", "1", "--seconds", "0.01", "--device", "cpu", *arguments]
    )


def test_every_network_is_measured_on_the_compiled_path():
    result = invoke("--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [row["architecture"] for row in rows] == ["gap", "gap", "lap4", "vec", "fcn"]
    for row in rows:
        assert row["backend"] == "numba" and row["depth"] == 1 and row["pairs"] >= 16
        assert row["seconds"] >= 0.01 and row["pairs_per_second"] > 0


@pytest.mark.slow
def test_volumes_are_measured_in_three_ways():
    result = CliRunner().invoke(app, ["bench", "geometry", "--rounds", "1", "--device", "cpu", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [row["log-volume by"] for row in rows] == ["autograd.functional.jacobian, SVD", "generic", "closed form"]
    assert rows[0]["times_as_fast"] == 1 and all(row["ms_per_point"] > 0 for row in rows)


def test_a_config_says_what_its_run_would_take():
    command = ["bench", "kernel", "architecture=vec", "data.subset_size=20", "data.test_size=30", "--seconds", "0.01"]
    result = CliRunner().invoke(app, [*command, "--device", "cpu", "--json"])
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert row["architecture"] == "vec" and row["image"] == "8×8×3" and row["run_pairs"] == 20 * 21 // 2 + 20 * 30
    assert row["run_seconds"] == pytest.approx(row["run_pairs"] / row["pairs_per_second"], abs=0.06)


def test_the_table_names_its_columns():
    result = invoke()
    assert result.exit_code == 0 and "pairs/s" in result.stdout and "32×32×3" in result.stdout
