"""Mean and standard error over seeds, by hand."""

from math import sqrt

import pandas as pd
import pytest

from geomsym.analysis import over_seeds, setting_columns


def row(seed, accuracy, **values):
    return {"seed": seed, "best_test_accuracy": accuracy} | values


def test_mean_and_standard_error_of_the_mean(runs_table):
    table = runs_table(row(0, 0.5), row(1, 0.7), row(2, 0.9), row(0, 0.25, transform="pixel_rotation"))
    summary = over_seeds(table)
    assert list(summary["transform"]) == ["identity", "pixel_rotation"]
    assert list(summary["mean"]) == pytest.approx([0.7, 0.25])
    assert summary.standard_error[0] == pytest.approx(0.2 / sqrt(3))  # s² = (0.04 + 0 + 0.04)/2
    assert pd.isna(summary.standard_error[1])
    assert list(summary.fitted) == list(summary.runs) == [3, 1]


@pytest.mark.parametrize("status", ["unfitted", "diverged", "failed", "interrupted"])
def test_runs_that_were_not_fitted_are_counted_and_left_out(runs_table, status):
    summary = over_seeds(runs_table(row(0, 0.5), row(1, 0.7), row(2, 0.1, status=status)))
    assert summary["mean"][0] == pytest.approx(0.6) and summary.standard_error[0] == pytest.approx(0.1)
    assert (summary.fitted[0], summary.runs[0]) == (2, 3)


def test_a_setting_without_a_fitted_run_has_no_mean(runs_table):
    summary = over_seeds(runs_table(row(0, 0.1, status="unfitted"), row(1, None, status="failed")))
    assert len(summary) == 1 and pd.isna(summary["mean"][0]) and pd.isna(summary.standard_error[0])
    assert (summary.fitted[0], summary.runs[0]) == (0, 2)


def test_settings_with_missing_values_are_kept(runs_table):
    whole = {"subset_size": None}
    summary = over_seeds(
        runs_table(row(0, 0.4), row(0, 0.1, **whole), row(1, 0.2, **whole), row(0, 0.3, transform_strength=0.5))
    )
    assert list(summary["mean"]) == pytest.approx([0.4, 0.15, 0.3])
    assert list(summary.subset_size.isna()) == [False, True, False]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("inference.l2", (0.0, 1e-7)),
        ("inference.eval_every", (10, None)),
        ("data.seed", (0, 1)),
        ("architecture", ("lap2", "lap4")),
        ("inference", ("nn", "nn_plus")),
        ("width", (8, 16)),
        ("data", ("digits", "xor")),
    ],
)
def test_different_settings_are_kept_apart(runs_table, key, values):
    table = runs_table(*(row(seed, 0.1 * k, **{key: value}) for k, value in enumerate(values) for seed in (0, 1)))
    assert key in setting_columns(table)
    summary = over_seeds(table)
    assert list(summary["mean"]) == pytest.approx([0.0, 0.1]) and list(summary.runs) == [2, 2]
    assert summary[key].astype(object).where(summary[key].notna(), None).tolist() == list(values)


def test_seeds_of_run_and_transform_are_averaged_over(runs_table):
    summary = over_seeds(runs_table(row(0, 0.2, transform_seed=5), row(1, 0.4, transform_seed=6)))
    assert list(summary["mean"]) == pytest.approx([0.3])


def test_another_column_can_be_summarised(runs_table):
    table = runs_table(row(0, 0.9, train_mse=1.0), row(1, 0.9, train_mse=3.0))
    assert over_seeds(table, "train_mse")["mean"][0] == 2 and over_seeds(table, "train_mse").standard_error[0] == 1


def test_an_empty_table_has_an_empty_summary(runs_table):
    summary = over_seeds(runs_table())
    assert len(summary) == 0 and {"mean", "standard_error", "fitted", "runs", "architecture"} <= set(summary)
