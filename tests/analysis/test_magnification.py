"""Statistics of known fields, with fields that must give the opposite; means and intervals over seeds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from geomsym.analysis.magnification import (
    crossings,
    magnification,
    mean_over_seeds,
    on_boundary,
    slice_statistics,
    statistics,
)
from geomsym.errors import DataError

COLUMNS = ["kind", "path", "point", "t", "u", "v", "log_volume", "slice_log_volume", "predicted_class", "entropy",
           "margin"]  # fmt: skip


def field(kind, log_volume, classes, margin, slice_log_volume=None, path=None, **coordinates):
    """The rows of one slice, as geometry.csv has them; entropy falls with the margin as for two classes."""
    probability = 1 / (1 + np.exp(-np.abs(margin)))
    entropy = -probability * np.log(probability) - (1 - probability) * np.log1p(-probability)
    measured = {"log_volume": log_volume, "slice_log_volume": log_volume, "predicted_class": classes, "margin": margin}
    if slice_log_volume is not None:
        measured["slice_log_volume"] = slice_log_volume
    table = pd.DataFrame({"kind": kind, "path": path, "point": np.arange(len(margin)), "entropy": entropy} | measured)
    table = table.assign(**coordinates)
    usual = {"run_id": "0" * 12, "scan": 0, "step": 0, "layer": "hidden"}
    return table.reindex(columns=COLUMNS).assign(**usual)


def grid_field(resolution, log_volume, boundary=0.0):
    """A grid of [−1.5, 1.5]² with a straight boundary at u = `boundary`, and log_volume a function of u."""
    axis = (np.arange(resolution) - (resolution - 1) / 2) * (3 / (resolution - 1))  # −u and u are equally large exactly
    v, u = (part.flatten() for part in np.meshgrid(axis, axis, indexing="ij"))
    return field("grid", log_volume(u), (u > boundary).astype(int), np.abs(u - boundary), u=u, v=v)


def path_field(log_volume, boundaries=(0.5,), points=101, slice_log_volume=None):
    """A path whose predicted class changes at the `boundaries`, with the distance from the nearest as its margin."""
    t = np.linspace(0, 1, points)
    classes = sum((t > boundary).astype(int) for boundary in boundaries)
    margin = np.min([np.abs(t - boundary) for boundary in boundaries], axis=0)
    along = None if slice_log_volume is None else slice_log_volume(t)
    return field("path", log_volume(t), classes, margin, along, "line", t=t)


# One slice


@pytest.mark.parametrize("resolution", [4, 10, 64])
def test_a_field_that_peaks_at_the_boundary(resolution):
    values = slice_statistics(grid_field(resolution, lambda u: -np.abs(u)))
    spacing = 3 / (resolution - 1)
    # |u| is spacing/2 times 1, 3, 5, …: 1 in the two columns at the boundary, r/2 + 1 on average in the others
    assert values["boundary_difference"] == pytest.approx(spacing * resolution / 4)
    assert values["spearman_margin"] == pytest.approx(-1) and values["spearman_entropy"] == pytest.approx(1)


def test_a_field_that_peaks_away_from_the_boundary_has_the_opposite_signs():
    values = slice_statistics(grid_field(10, lambda u: np.abs(u)))
    assert values["boundary_difference"] == pytest.approx(-10 / 12 * 3 / 3)
    assert values["spearman_margin"] == pytest.approx(1) and values["spearman_entropy"] == pytest.approx(-1)


def test_a_field_unrelated_to_the_boundary_has_no_correlation():
    noise = np.random.default_rng(0).normal(size=64 * 64)
    values = slice_statistics(grid_field(64, lambda u: noise))
    assert abs(values["spearman_margin"]) < 0.05 and abs(values["boundary_difference"]) < 0.3


def test_a_slices_own_volume_has_statistics_of_its_own():
    table = path_field(lambda t: -np.abs(t - 0.2), slice_log_volume=lambda t: -np.abs(t - 0.6))
    values = slice_statistics(table)
    assert (values["peak_t"], values["slice_peak_t"]) == pytest.approx((0.2, 0.6))
    assert (values["peak_offset"], values["slice_peak_offset"]) == pytest.approx((0.3, 0.1))
    assert values["boundary_difference"] < values["slice_boundary_difference"]


def test_the_boundary_has_a_point_on_either_side_and_no_corners():
    classes = np.zeros((5, 5), dtype=int)
    classes[2, 2] = 1
    cross = np.zeros((5, 5), dtype=bool)
    cross[2, 1:4] = cross[1:4, 2] = True
    assert np.array_equal(on_boundary(classes), cross)
    assert on_boundary(np.array([0, 0, 1, 1, 2])).tolist() == [False, True, True, True, True]
    assert not on_boundary(np.zeros((3, 4))).any()


def test_points_in_any_order_give_the_same():
    table = grid_field(8, lambda u: -np.abs(u))
    mixed = table.sample(frac=1, random_state=0)
    assert slice_statistics(mixed) == pytest.approx(slice_statistics(table))


def test_a_crossing_is_where_the_signed_margin_vanishes():
    t = np.array([0.0, 0.4, 0.8, 1.0])
    margin = np.abs(3 * (t - 0.5))
    assert crossings(t, np.array([0, 0, 1, 1]), margin) == pytest.approx([0.5])
    assert crossings(t, np.array([0, 0, 1, 1]), np.full(4, np.nan)) == pytest.approx([0.6])
    assert crossings(t, np.array([0, 0, 1, 1]), np.zeros(4)) == pytest.approx([0.6])
    assert crossings(t, np.array([0, 0, 0, 0]), margin).size == 0


def test_the_error_of_a_crossing_is_of_second_order():
    errors = []
    for points in (11, 41):
        t = np.linspace(0, 1, points)
        logit = np.expm1(t - 0.537)
        found = crossings(t, logit > 0, np.abs(logit))
        errors.append(abs(found.item() - 0.537) / (1 / (points - 1)) ** 2)
    assert max(errors) < 0.125  # h²/8 · |logit''/logit'|, at most


def test_of_several_crossings_the_nearest_to_the_peak_counts():
    values = slice_statistics(path_field(lambda t: -np.abs(t - 0.7), boundaries=(0.205, 0.755)))
    assert values["peak_t"] == pytest.approx(0.7) and values["crossing_t"] == pytest.approx(0.755)
    assert values["peak_offset"] == pytest.approx(0.055)


def test_what_is_not_defined_is_missing():
    one_class = slice_statistics(path_field(lambda t: -t, boundaries=(2.0,)))
    assert np.isnan([one_class[name] for name in ("boundary_difference", "crossing_t", "peak_offset")]).all()
    assert one_class["peak_t"] == 0
    flat = slice_statistics(path_field(lambda t: 7 + 1e-12 * np.sin(99 * t)))
    assert np.isnan([flat[name] for name in ("spearman_margin", "spearman_entropy", "peak_t", "peak_offset")]).all()
    assert flat["boundary_difference"] == pytest.approx(0, abs=1e-9) and flat["crossing_t"] == pytest.approx(0.5)
    only_boundary = slice_statistics(path_field(lambda t: t, points=2))
    assert np.isnan(only_boundary["boundary_difference"])


def test_a_volume_of_zero_is_less_than_all_others():
    values = slice_statistics(path_field(lambda t: np.where(t > 0.9, -np.inf, -np.abs(t - 0.5))))
    assert np.isnan(values["boundary_difference"])
    assert values["spearman_margin"] == pytest.approx(-1, abs=0.02) and values["peak_t"] == pytest.approx(0.5)


def test_a_grid_that_lacks_a_point_is_refused():
    with pytest.raises(DataError, match="run 000000000000: 63 points in a slice of 8 x 8"):
        slice_statistics(grid_field(8, lambda u: u).iloc[1:])


# All slices


def test_one_row_a_run_scan_step_layer_and_statistic():
    a, b = path_field(lambda t: -np.abs(t - 0.5)), grid_field(6, lambda u: -np.abs(u))
    tables = [a, a.assign(step=9), a.assign(layer="second"), a.assign(run_id="1" * 12), b.assign(scan=1)]
    found = statistics(pd.concat(tables, ignore_index=True))
    names = ["run_id", "scan", "kind", "path", "layer", "step", "statistic"]
    assert list(found) == [*names, "value"] and not found.duplicated(names).any()
    assert len(found) == 4 * 12 + 6  # a grid has no t
    assert found[found["kind"] == "grid"]["path"].isna().all()
    peaks = found[found["statistic"] == "peak_t"]
    assert len(peaks) == 4 and peaks["value"].tolist() == pytest.approx([0.5] * 4)


def test_tables_without_rows_have_the_same_columns():
    table = path_field(lambda t: t)
    none = statistics(table.iloc[:0])
    assert list(none) == list(statistics(table)) and len(none) == 0
    runs = made_up((0, False, {0: 1.0})).runs
    means = magnification(none, runs)
    assert len(means) == 0 and list(means) == list(magnification(statistics(table), runs))


def test_nullable_columns_of_a_file_are_understood():
    table = grid_field(6, lambda u: -np.abs(u))
    assert slice_statistics(table.convert_dtypes()) == pytest.approx(slice_statistics(table), nan_ok=True)


# Over seeds


@dataclass(frozen=True)
class Runs:
    """Tables of made-up statistics: a run has a value at each of its steps."""

    statistics: pd.DataFrame
    runs: pd.DataFrame


def made_up(*runs):
    """Runs from (seed, shuffled, {step: value}) with optional settings."""
    rows, records = [], []
    for k, (seed, shuffled, values, *settings) in enumerate(runs):
        run = {"run_id": f"{k:012x}"}
        records.append(
            run | {"seed": seed, "shuffled_labels": shuffled, "width": 8} | (settings[0] if settings else {})
        )
        where = run | {"scan": 0, "kind": "grid", "path": None, "layer": "hidden", "statistic": "boundary_difference"}
        rows += [where | {"step": step, "value": value} for step, value in values.items()]
    return Runs(pd.DataFrame(rows), pd.DataFrame(records))


def summary(*runs):
    """The summary of made-up runs, by control and step."""
    made = made_up(*runs)
    return magnification(made.statistics, made.runs).set_index(["control", "step"])


def test_controls_and_contrasts_by_hand():
    table = summary(
        (0, False, {0: 1.0, 5: 2.0, 20: 4.0}),
        (1, False, {0: 3.0, 5: 3.0, 30: 8.0}),  # ends later than the other
        (0, True, {0: 9.0, 7: 1.0}),
        (1, True, {0: 9.0, 7: 2.0}),
        (2, True, {0: 9.0, 7: 6.0}),
    )
    means = {key: row["mean"] for key, row in table.iterrows()}
    assert means == pytest.approx(
        {
            ("trained", "5"): 2.5,
            ("trained", "last"): 6.0,
            ("initialisation", "0"): 2.0,
            ("shuffled", "last"): 3.0,
            ("trained - initialisation", "5"): 0.5,
            ("trained - initialisation", "last"): 4.0,
            ("trained - shuffled", "last"): 3.0,
        }
    )
    assert table.loc[("trained - initialisation", "last"), ["low", "high", "seeds"]].tolist() == [3.0, 5.0, 2]
    assert table.loc[("trained - shuffled", "last"), "seeds"] == 2 and table.loc[("shuffled", "last"), "seeds"] == 3
    assert table.loc[("trained", "last"), "standard_error"] == pytest.approx(2.0)  # s = 2√2 over √2
    assert table.loc[("trained - shuffled", "last"), "standard_error"] == pytest.approx((4 + 7 / 3) ** 0.5)
    assert list(table.index)[:2] == [("trained", "5"), ("trained", "last")]


def test_pairing_takes_the_variation_between_runs_away():
    values = np.random.default_rng(0).normal(0, 10, 6)
    table = summary(*((k, False, {0: value, 9: value + 1}) for k, value in enumerate(values)))
    change = table.loc[("trained - initialisation", "last")]
    assert change[["mean", "low", "high"]].tolist() == pytest.approx([1, 1, 1])
    assert table.loc[("trained", "last"), "high"] - table.loc[("trained", "last"), "low"] > 5


def test_with_one_seed_there_is_no_interval():
    table = summary((0, False, {0: 1.0, 5: 2.0}), (0, True, {5: 1.0}))
    assert len(table) == 5 and table[["low", "high", "standard_error"]].isna().all(axis=None)
    assert table["mean"].notna().all() and (table["seeds"] == 1).all()


def test_runs_without_a_value_are_not_counted():
    nan = float("nan")
    table = summary((0, False, {0: nan, 5: 2.0}), (1, False, {0: 1.0, 5: 4.0}), (2, False, {0: nan, 5: nan}))
    assert table["mean"].to_dict() == {
        ("trained", "last"): 3.0,
        ("initialisation", "0"): 1.0,
        ("trained - initialisation", "last"): 3.0,
    }
    assert list(table["seeds"]) == [2, 1, 1]
    nothing = summary((0, False, {0: nan}))
    assert nothing["seeds"].tolist() == [0] and nothing["mean"].isna().all()


def test_runs_of_one_seed_are_one_observation():
    twice = [(0, False, {5: 1.0}), (0, False, {5: 3.0}), (1, False, {5: 4.0})]
    table = summary(*twice)
    assert table["mean"].tolist() == [3.0] and table["seeds"].tolist() == [2]


def test_settings_are_kept_apart_and_missing_ones_too():
    made = made_up(
        (0, False, {5: 1.0}, {"width": 8}), (0, False, {5: 2.0}, {"width": 16}), (0, False, {5: 3.0}, {"width": None})
    )
    table = magnification(made.statistics, made.runs.astype({"width": "Int64"}))
    assert table["mean"].tolist() == [1, 2, 3] and table["width"].dtype == "Int64"
    assert table["width"].fillna(0).tolist() == [8, 16, 0]
    left_out = magnification(made.statistics, made.runs.iloc[:1])
    assert left_out["mean"].tolist() == [1]


def test_a_missing_setting_meets_its_control():
    lacks = {"width": None}
    made = made_up((0, False, {0: 0.5, 5: 3.0}, lacks), (0, True, {5: 1.0}, lacks))
    table = magnification(made.statistics, made.runs).set_index("control")["mean"]
    assert table["trained - shuffled"] == 2 and table["trained - initialisation"] == 2.5


@pytest.mark.parametrize(("factor", "low", "high"), [(1.0, 0.88, 0.99), (0.5, 0.0, 0.85)])
def test_coverage_of_the_interval(factor, low, high):
    """Of ten normal values about 90 %; an interval of half its width, the control, must fall short."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        found = mean_over_seeds(generator.normal(3, 2, 10).tolist())
        centre, reach = (found["low"] + found["high"]) / 2, factor * (found["high"] - found["low"]) / 2
        covered += abs(3 - centre) <= reach
    assert low <= covered / 200 <= high


def test_coverage_of_the_interval_of_a_difference():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        found = mean_over_seeds(generator.normal(3, 2, 10).tolist(), generator.normal(1, 1, 8).tolist())
        covered += found["low"] <= 2 <= found["high"]
    assert 0.88 <= covered / 200 <= 0.99


def test_the_interval_does_not_depend_on_the_order_of_seeds():
    values = np.random.default_rng(2).normal(size=7)
    assert mean_over_seeds(values.tolist()) == pytest.approx(mean_over_seeds(values[::-1].tolist()), abs=1e-14)
    assert mean_over_seeds(values.tolist()) == mean_over_seeds(values.tolist())
