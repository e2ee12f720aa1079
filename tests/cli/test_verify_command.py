"""`geomsym verify` as a user runs it."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from geomsym.cli.main import app
from geomsym.theory import verify
from geomsym.theory.invariance import Check

CASE = ["data.subset_size=20", "data.test_size=10", "data.image_size=4", "architecture.width=4",
        "architecture.depth=2", "--steps", "10"]  # fmt: skip


def invoke(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


@pytest.mark.parametrize("suite", ["inclusion", "kernels"])
def test_a_theorem_holds_and_its_controls_break(tmp_path, suite):
    result = invoke(suite, "--csv", tmp_path / "checks.csv")
    assert result.exit_code == 0 and "none not as it should be" in result.stdout
    assert "holds" in result.stdout and "broken, as it" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    table = pd.read_csv(tmp_path / "checks.csv")
    assert set(table.verdict) == {"holds", "broken, as it should be"}
    assert (table[table.expected].deviation <= 1e-10).all() and (table[~table.expected].deviation > 1e-3).all()


@pytest.mark.parametrize(
    ("group", "said"), [("shared_rotation", "holds"), ("pixel_rotation", "broken, as it should be")]
)
def test_one_case_of_any_config(group, said):
    result = invoke("invariance", "architecture=gap", f"transform={group}", "inference=nn_plus", *CASE, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert (row["architecture"], row["group"], row["verdict"]) == ("gap", group, said)
    assert "sgd, mse, 10 steps" in row["compared"]


def test_the_exit_code_says_whether_all_is_as_it_should_be(monkeypatch):
    for holds, expected, said in ((False, True, "BROKEN"), (True, False, "HOLDS, BUT SHOULD NOT")):
        wrong = Check("a theorem", "gap", "", "outputs", 0.5, 1.0 if holds else 0.1, holds, expected)
        monkeypatch.setattr(verify, "SUITES", {"kernels": lambda wrong=wrong: iter([wrong])})
        result = invoke("kernels")
        assert result.exit_code == 1 and said in result.stdout and "1 checks, 1 not as it should be" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["invariance", "inference=ntk"], "inference=ntk: is not trained: give nn, nn_plus or cross_entropy"),
        (["kernels", "architecture=gap"], "a config is for «geomsym verify invariance» alone"),
        (["invariance", "architecture=gpa"], "did you mean 'gap'"),
        (["invariance", "data=digits", "data.channels=1", "transform=shared_rotation"], "transform"),
    ],
)
def test_mistakes(arguments, message):
    result = invoke(*arguments)
    assert result.exit_code == 2 and message in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.slow
def test_everything_holds():
    result = invoke()
    assert result.exit_code == 0 and "67 checks, none not as it should be" in result.stdout
