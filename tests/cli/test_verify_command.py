"""`geomsym verify` as a user runs it."""

import json

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from geomsym.cli import verify as command
from geomsym.cli.main import app
from geomsym.results import load
from geomsym.theory import Check, verify
from geomsym.theory.coupled_training import coupled_config
from geomsym.verification import equal_accuracy

DATA = ["data.subset_size=20", "data.test_size=10", "data.image_size=4"]
CASE = [*DATA, "architecture.width=4", "architecture.depth=2", "--steps", "10"]


def invoke(*arguments):
    """The result of a command; anything but an exit is a bug and is raised here."""
    result = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("suite", ["inclusion", "kernels"])
def test_a_theorem_holds_and_its_controls_break(tmp_path, suite):
    result = invoke(suite, "--csv", tmp_path / "checks.csv")
    assert result.exit_code == 0 and "all as expected" in result.stdout
    assert "holds" in result.stdout and "broken, as expected" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    table = pd.read_csv(tmp_path / "checks.csv")
    assert set(table.verdict) == {"holds", "broken, as expected"}
    assert (table[table.expected].deviation <= 1e-10).all() and (table[~table.expected].deviation > 1e-3).all()
    *rows, _ = (line for line in result.stdout.splitlines() if line.rstrip().endswith(("holds", "as expected")))
    assert len(table) == len(rows)


def test_the_table_has_the_columns_that_were_promised(tmp_path):
    invoke("inclusion", "--csv", tmp_path / "checks.csv")
    promised = {"statement", "architecture", "group", "compared", "deviation", "tolerance", "verdict"}
    assert promised <= set(pd.read_csv(tmp_path / "checks.csv"))
    assert all(promised <= set(row) for row in json.loads(invoke("inclusion", "--json").stdout))


@pytest.mark.parametrize(("group", "said"), [("shared_rotation", "holds"), ("pixel_rotation", "broken, as expected")])
@pytest.mark.parametrize(
    ("inference", "compared"), [("nn_plus", "sgd, mse, 10 steps"), ("ntk", "NNGP and NTK matrices")]
)
def test_one_case_of_any_config(group, said, inference, compared):
    result = invoke("invariance", "architecture=gap", f"transform={group}", f"inference={inference}", *CASE, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert (row["group"], row["verdict"], row["compared"]) == (group, said, compared)
    assert row["architecture"] == ("gap" if inference == "nn_plus" else "gap ∞")


def test_kernels_of_a_config():
    result = invoke("kernels", "architecture=vec", "transform=pixel_rotation", *CASE[:-2], "--json")
    (row,) = json.loads(result.stdout)
    assert (row["architecture"], row["verdict"]) == ("vec ∞", "holds")


def test_a_point_of_a_path_is_checked_where_it_is_asked_for():
    near, far = (
        json.loads(invoke("invariance", "architecture=gap", "transform=pixel_rotation", f"transform.strength={t}",
                          *CASE, "--json").stdout)[0]
        for t in (0.001, 1)
    )  # fmt: skip
    assert 1e-9 < near["deviation"] < far["deviation"] / 10


@pytest.mark.parametrize(("family", "larger"), [("vec", ["lcn_n"]), ("lcn", ["vec_d·n", "fcn_d·n"])])
def test_inclusions_of_a_config(family, larger):
    result = invoke("inclusion", f"architecture={family}", *CASE[:-2], "--json")
    rows = json.loads(result.stdout)
    assert [row["architecture"] for row in rows] == [f"{family}_n ⊆ {name}" for name in larger]
    assert {row["verdict"] for row in rows} == {"holds"}


def test_the_largest_group_of_a_network_of_ones_own(tmp_path):
    figure, csv = tmp_path / "figure.png", tmp_path / "checks.csv"
    mine = ["architecture=stack", "architecture.layers=[local:3,relu,pool:2,flatten]", *DATA]
    result = invoke("invariance", "--discover", *mine, "--steps", "10", "--figure", figure, "--csv", csv)
    assert result.exit_code == 0 and "The largest group that training is invariant to: O(3)^d" in result.stdout
    table = pd.read_csv(csv)
    assert len(table) == 6 and set(table.group[table.verdict == "broken"]) == {"global_permutation", "global_rotation"}
    assert Image.open(figure).size[0] > 1000


def test_groups_that_cannot_act_are_named_with_the_reason():
    result = invoke("invariance", "--discover", "data=digits", "data.channels=1", "architecture=fcn", *CASE)
    assert result.exit_code == 0 and "training is invariant to: O(3d)" in result.stdout
    said = " ".join(result.stdout.split())
    assert "Left out: transform.name=pixel_rotation: mixes the channels of each pixel, and grey images" in said


def test_accuracies_on_both_sides_are_compared_and_not_trained_twice(tmp_path):
    arguments = ["distribution", "architecture=fcn", "transform=global_permutation", "data=digits",
                 "data.subset_size=100", "data.test_size=200", "architecture.width=8", "architecture.depth=1",
                 "inference.max_steps=10", "--seeds", "3", "--workers", "1", "--out", tmp_path]  # fmt: skip
    first = invoke(*arguments, "--margin", "60", "--json")
    (row,) = json.loads(first.stdout)
    assert first.exit_code == 0 and (row["verdict"], row["tolerance"]) == ("holds", 60)
    runs = load(tmp_path / "verify").runs
    assert len(runs) == 6 and set(runs["transform"]) == {"identity", "global_permutation"}
    assert runs.seed.nunique() == 6
    second = invoke(*arguments, "--margin", "0.001")
    assert second.exit_code == 1 and "UNCLEAR" in second.stdout and "finished already, 6 of 6" in second.stderr
    assert "Give more --seeds" in second.stderr


def test_the_suite_of_accuracies_has_rows_for_all_its_cases(tmp_path, monkeypatch):
    monkeypatch.setattr(equal_accuracy, "SMALL", (("gap", "shared_rotation", 4, 2, False),))
    result = invoke("distribution", "--seeds", "2", "--workers", "1", "--margin", "99", "--out", tmp_path, "--json")
    (row,) = json.loads(result.stdout)
    assert (row["architecture"], row["group"], row["verdict"]) == ("gap", "shared_rotation", "holds")


def test_the_exit_code_says_whether_all_is_as_expected(monkeypatch):
    for found, expected, said in (
        (0.5, True, "BROKEN"),
        (0.0, False, "HOLDS, BUT SHOULD NOT"),
        (1e-5, True, "UNCLEAR"),
    ):
        wrong = Check("a theorem", "gap", "", "outputs", found, 1e-9, expected)
        monkeypatch.setattr(verify, "suites", lambda steps, wrong=wrong: {"kernels": lambda: iter([wrong])})
        result = invoke("kernels")
        assert result.exit_code == 1 and said in result.stdout and "1 check, 1 not as expected" in result.stdout
        assert ("give fewer --steps" in result.stderr) == (said == "UNCLEAR")


def test_the_defaults_are_those_of_the_library():
    defaults = (coupled_config().max_steps, equal_accuracy.SEEDS, equal_accuracy.MARGIN)
    assert defaults == (command.STEPS, command.SEEDS, command.MARGIN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inclusion", "architecture=fcn"], "none of the smaller families of Theorem 3.1: give gap, lap, vec or lcn"),
        (["inclusion", "architecture=lcn", "architecture.width=4096"], "GB are needed: give a smaller width"),
        (["invariance", "architecture=gpa"], "did you mean 'gap'"),
        (["invariance", "architecture=gap"], "every algorithm is invariant to it: give another group, or --discover"),
        (["invariance", "data=digits", "data.channels=1", "transform=shared_rotation"], "grey images have a single"),
        (["kernels", "data=digits", "data.channels=1", "transform=pixel_rotation"], "grey images have a single"),
        (["distribution", "data=digits", "data.channels=1", "transform=pixel_rotation"], "grey images have a single"),
        (["invariance", "transform=shared_permutation", "seed=1"], "transform.seed=1: the element of"),
        (["invariance", "transform=pixel_rotation", "transform.strength=0"], "transform.strength=0.0: the element"),
        (["invariance", "--discover", "inference=ntk"], "inference=ntk: is not trained"),
        (["distribution", "inference=ntk", "transform=pixel_rotation"], "inference=ntk: is not trained"),
        (["distribution", "architecture=gap"], "transform=identity: leaves nothing to compare"),
        (["all", "architecture=gap"], "with a config, say which part"),
        (["kernels", "--steps", "3"], "--steps is for «geomsym verify invariance»"),
        (["kernels", "--discover"], "--discover is for «geomsym verify invariance»"),
        (["inclusion", "--seeds", "3"], "--seeds is for «geomsym verify distribution»"),
        (["kernels", "--workers", "2"], "--workers is for «geomsym verify distribution»"),
        (["inclusion", "--device", "cpu"], "--device is for «geomsym verify distribution», or goes with a config"),
        (["distribution", "--margin", "0"], "--margin 0: give a number of percent between 0 and 100"),
        (["invariance", "--figure", "a.jpg"], "a name that ends in .png or .pdf"),
        (["invariance", "architecture=gap", "--figure", "a.png"], "give --discover with a config"),
        (
            ["inclusion", "--csv", "pyproject.toml/a.csv"],
            "written to pyproject.toml/a.csv. pyproject.toml: a part",
        ),
    ],
)
def test_mistakes(arguments, message):
    result = invoke(*arguments)
    assert result.exit_code == 2 and message in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


@pytest.mark.slow
def test_everything_holds(tmp_path):
    result = invoke("--out", tmp_path, "--figure", tmp_path / "figure.png")
    assert result.exit_code == 0 and "190 checks, all as expected" in result.stdout
    assert (tmp_path / "figure.png").is_file()
