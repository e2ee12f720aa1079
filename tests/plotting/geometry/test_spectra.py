"""Eigenvalues over training against a table known by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from geomsym.plotting import spectra
from geomsym.plotting.geometry.spectra import selected

pytestmark = pytest.mark.filterwarnings("error")


def rows(run_id="000000000000", count=20, steps=(0, 10, 1000)):
    """λ_i = 10^(step rank − i), with a band of a factor of ten around the mean."""
    return [
        {
            "run_id": run_id,
            "scan": "scangrid",
            "layer": "1",
            "step": step,
            "index": i,
            "log_eigenvalue": (k - i) * math.log(10),
            "low": (k - i - 1) * math.log(10),
            "high": (k - i + 1) * math.log(10),
        }
        for k, step in enumerate(steps)
        for i in reversed(range(1, count + 1))
    ]


def only(results):
    ((name, figure),) = spectra(results)
    left, right = (axes for axes in figure.axes if axes.get_xlabel())
    return name, figure, left, right


def test_eigenvalues_by_index_with_a_line_a_step_and_a_band_for_the_last(measured_results):
    name, _, left, _ = only(measured_results(spectra=rows()))
    assert name == "spectra_xor_fcn_1_000000000000_scangrid"
    assert len(left.lines) == 3 and left.get_xscale() == "log"
    for k, line in enumerate(left.lines):
        assert line.get_ydata() == pytest.approx(k - np.arange(1, 21))
    (band,) = left.collections
    edges = band.get_paths()[0].vertices
    assert [edges[edges[:, 0] == 1, 1].min(), edges[edges[:, 0] == 1, 1].max()] == pytest.approx([0, 2])


def test_selected_eigenvalues_against_the_step_with_step_0_on_the_axis(measured_results):
    _, _, _, right = only(measured_results(spectra=rows()))
    assert [line.get_label() for line in right.lines] == [rf"$\lambda_{{{i}}}$" for i in (1, 2, 5, 10, 20)]
    assert right.get_xscale() == "symlog" and right.get_xlim()[0] < 0
    assert list(right.lines[0].get_xdata()) == [0, 10, 1000]
    assert right.lines[2].get_ydata() == pytest.approx([-5, -4, -3])


def test_few_steps_close_together_and_few_eigenvalues_have_linear_axes(measured_results):
    _, _, left, right = only(measured_results(spectra=rows(count=2, steps=(0, 10, 20))))
    assert left.get_xscale() == right.get_xscale() == "linear" and len(right.lines) == 2


@pytest.mark.parametrize(("last", "expected"), [(1, [1]), (2, [1, 2]), (7, [1, 2, 5, 7]), (50, [1, 2, 5, 10, 50])])
def test_which_eigenvalues_are_selected(last, expected):
    assert selected(pd.Series(range(1, last + 1))) == expected


def test_the_first_seed_has_the_spectra_and_all_seeds_their_course(measured_results):
    ids = ["0" * 12, "1" * 12]
    results = measured_results(
        spectra=rows(ids[0]) + rows(ids[1]), runs=[{"run_id": name, "seed": k} for k, name in enumerate(ids)]
    )
    _, figure, left, right = only(results)
    assert len(left.lines) == 3 and len(right.lines) == 2 * 5
    assert "2 seeds" in figure.get_suptitle() and "left: seed 0" in figure.get_suptitle()


def test_what_enters_the_readout_is_named_so(measured_results):
    _, figure, *_ = only(measured_results(spectra=[row | {"layer": "last"} for row in rows()]))
    assert "\nlast hidden layer" in figure.get_suptitle()


def test_the_normalization_is_that_of_the_scan(measured_results, geometry_rows):
    _, figure, *_ = only(measured_results(geometry_rows("grid", steps=(0,), normalization="none"), rows()))
    assert "normalization: none" in figure.get_suptitle()


def test_an_eigenvalue_of_zero_leaves_a_gap(measured_results):
    changed = [row | ({"log_eigenvalue": -np.inf, "low": -np.inf} if row["index"] == 20 else {}) for row in rows()]
    _, _, left, _ = only(measured_results(spectra=changed))
    assert all(np.isnan(line.get_ydata()[-1]) and np.isfinite(line.get_ydata()[:-1]).all() for line in left.lines)


def test_no_spectra_no_figure(measured_results):
    assert list(spectra(measured_results())) == []
