"""`geomsym bench` as a user runs it; what it measures is the machine's business."""

import json

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


def test_the_table_names_its_columns():
    result = invoke()
    assert result.exit_code == 0 and "pairs/s" in result.stdout and "32×32×3" in result.stdout
