"""Distributional invariance: which runs are compared, and what their accuracies come to."""

from dataclasses import replace

import numpy as np
import pytest

from geomsym.config import ArchitectureConfig, GradientDescentConfig, KernelRegressionConfig, RunConfig, TransformConfig
from geomsym.errors import ConfigError, DataError
from geomsym.results import run_id
from geomsym.run import check_runs
from geomsym.verification.equal_accuracy import SEEDS, case, check_distribution, small_cases

ROTATED = RunConfig(transform=TransformConfig("shared_rotation"), seed=5)


def test_the_two_sides_differ_in_the_transform_and_share_no_seed():
    compared = case(ROTATED, seeds=10)
    assert [run.seed for run in compared.plain] == list(range(5, 15))
    assert [run.seed for run in compared.moved] == list(range(15, 25))
    assert {run.transform.name for run in compared.plain} == {"identity"}
    assert {run.transform.name for run in compared.moved} == {"shared_rotation"}
    assert {repr((run.data, run.architecture, run.inference, run.dtype)) for run in compared.runs} == {
        repr((ROTATED.data, ROTATED.architecture, ROTATED.inference, ROTATED.dtype))
    }


def test_the_cases_of_the_suite_can_be_run_and_cover_what_the_paper_claims():
    cases = small_cases()
    assert SEEDS >= 10 and all(len(item.plain) == len(item.moved) == SEEDS for item in cases)
    check_runs([item.moved[0] for item in cases])
    held = {(item.moved[0].architecture.name, item.moved[0].transform.name) for item in cases if not item.control}
    assert held == {
        ("fcn", "global_rotation"),
        ("lcn", "pixel_rotation"),
        ("vec", "shared_rotation"),
        ("gap", "shared_rotation"),
    }
    assert [item.moved[0].transform.name for item in cases if item.control] == ["pixel_rotation"]
    assert len({run_id(run) for item in cases for run in item.runs}) == 9 * SEEDS  # GAP on D serves twice


def accuracies(plain: float, moved: float, seeds: int = 12, spread: float = 0.01) -> list[float]:
    noise = np.random.default_rng(0).normal(size=2 * seeds) * spread
    return [*(plain + noise[:seeds]), *(moved + noise[seeds:])]


def test_equal_accuracies_hold_and_distant_ones_break():
    compared = case(ROTATED, 12)
    equal = check_distribution(compared, accuracies(0.4, 0.4))
    assert equal.expected is True and equal.verdict == "holds" and equal.tolerance == 4
    assert check_distribution(compared, accuracies(0.4, 0.3)).verdict == "BROKEN"
    assert check_distribution(compared, accuracies(0.4, 0.36)).verdict == "UNCLEAR"
    assert check_distribution(compared, accuracies(0.4, 0.4, spread=0.1)).verdict == "UNCLEAR"
    assert check_distribution(compared, accuracies(0.4, 0.36), margin=10).verdict == "holds"
    said = check_distribution(case(ROTATED, 2), [0.40, 0.42, 0.30, 0.31]).compared
    assert said == "means of 2 seeds, largest difference in the 90 % interval: 41.0 ± 1.0, 30.5 ± 0.5"


def test_beyond_the_claims_the_theorem_is_silent_unless_it_is_a_control():
    compared = case(replace(ROTATED, transform=TransformConfig("pixel_rotation")), 12)
    found = [check_distribution(compared, accuracies(0.4, moved)) for moved in (0.4, 0.2)]
    assert [item.verdict for item in found] == ["holds", "broken"] and {item.expected for item in found} == {None}
    control = replace(compared, control=True)
    found = [check_distribution(control, accuracies(0.4, moved)) for moved in (0.4, 0.2)]
    assert [item.verdict for item in found] == ["HOLDS, BUT SHOULD NOT", "broken, as expected"]


def test_what_theory_says_depends_on_the_algorithm_and_on_initial_values():
    adam = replace(ROTATED, inference=GradientDescentConfig(optimizer="adam", learning_rate=0.01))
    uniform = replace(ROTATED, architecture=ArchitectureConfig(first_layer_init="uniform"))
    for cfg in (adam, uniform):
        assert check_distribution(case(cfg, 12), accuracies(0.4, 0.4)).expected is None


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ConfigError, match=r"inference=ntk: is not trained"):
        case(RunConfig(transform=TransformConfig("shared_rotation"), inference=KernelRegressionConfig()))
    with pytest.raises(ConfigError, match=r"transform=identity: .* give another group"):
        case(RunConfig())
    with pytest.raises(DataError, match=r"2 of 24 runs have no test accuracy"):
        check_distribution(case(ROTATED, 12), [float("nan")] * 2 + accuracies(0.4, 0.4)[2:])
