"""What the figures show, against means by hand; and that they are files one can open."""

import io

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from geomsym.files import write_csv
from geomsym.plotting import accuracy_by_group, draw_figures, learning_curves, save, style
from geomsym.plotting.accuracy_by_group import series_names
from geomsym.results import CURVE_COLUMNS, MAGNIFICATION_COLUMNS, SCAN_TABLES, Results

ACCURACIES = {
    ("identity", "fcn"): (0.30, 0.50),
    ("shared_rotation", "fcn"): (0.20, 0.40),
    ("global_rotation", "fcn"): (0.10, 0.50),
    ("identity", "gap"): (0.60, 0.80),
    ("shared_rotation", "gap"): (0.50, 0.50),
    ("global_rotation", "gap"): (0.10, 0.12),
}
"""Two seeds of every setting: mean (a + b)/2, standard error |a − b|/2."""
NOT_MEASURED = SCAN_TABLES | {"magnification": MAGNIFICATION_COLUMNS}


def rows(**changes):
    """The runs of ACCURACIES, groups in an order that isn't that of inclusion."""
    return [
        {
            "transform": group,
            "architecture": name,
            "seed": seed,
            "best_test_accuracy": value,
            "run_id": f"{group}{name}{seed}",
        }
        | changes
        for (group, name), values in reversed(ACCURACIES.items())
        for seed, value in enumerate(values)
    ]


def results(runs, curves=()):
    none = {name: pd.DataFrame(columns=list(columns)).astype(columns) for name, columns in NOT_MEASURED.items()}
    return Results(runs, pd.DataFrame(list(curves), columns=list(CURVE_COLUMNS)).astype(CURVE_COLUMNS), **none)


def only_figure(runs) -> tuple[str, Figure]:
    (named,) = accuracy_by_group(results(runs))
    return named


def lines(axes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Means and half lengths of the error bars of a panel, by the line's name."""
    found = {}
    for container in axes.containers:
        data, _, (bars,) = container
        segments = np.array([segment[:, 1] if len(segment) else [np.nan, np.nan] for segment in bars.get_segments()])
        found[container.get_label()] = (np.asarray(data.get_ydata(), float), (segments[:, 1] - segments[:, 0]) / 2)
    return found


def text(figure) -> str:
    return figure.get_suptitle()


def test_lines_are_means_and_bars_standard_errors_in_percent(runs_table):
    name, figure = only_figure(runs_table(*rows()))
    assert name == "accuracy_by_group_photo_patches_40"
    (axes,) = figure.axes
    drawn = lines(axes)
    assert list(drawn) == ["FCN", "GAP"]
    for label, (means, errors) in drawn.items():
        pairs = [values for (_, architecture), values in ACCURACIES.items() if architecture == label.lower()]
        assert means == pytest.approx([50 * (a + b) for a, b in pairs])
        assert errors == pytest.approx([50 * abs(a - b) for a, b in pairs])


def test_groups_are_in_the_order_of_inclusion_with_their_symbols(runs_table):
    (axes,) = only_figure(runs_table(*rows()))[1].axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [r"$I$", r"$O(3)\otimes I_d$", r"$O(3d)$"]
    assert [round(x) for x in axes.containers[0][0].get_xdata()] == [0, 1, 2]


def test_every_fitted_seed_is_a_dot_beside_its_mean(runs_table):
    (axes,) = only_figure(runs_table(*rows()))[1].axes
    for container, dots in zip(axes.containers, axes.collections[1::2], strict=True):
        x, y = np.asarray(dots.get_offsets()).T
        pairs = [values for (_, name), values in ACCURACIES.items() if name == container.get_label().lower()]
        order = np.lexsort((y, x))
        assert y[order] == pytest.approx([100 * value for pair in pairs for value in sorted(pair)])
        assert x[order] == pytest.approx(np.repeat(container[0].get_xdata(), 2))


def test_a_run_that_was_not_fitted_is_left_out_and_counted(runs_table):
    made = rows()
    changed = [row | {"status": "unfitted"} if row["run_id"] == "identitygap1" else row for row in made]
    _, figure = only_figure(runs_table(*changed))
    means, errors = lines(figure.axes[0])["GAP"]
    assert means[0] == pytest.approx(60) and np.isnan(errors[0]) and means[1] == pytest.approx(50)
    assert "photo_patches, 40 training images, 2 seeds; 1 of 12 runs not fitted, left out" in text(figure)
    assert len(np.asarray(figure.axes[0].collections[-1].get_offsets())) == 5


def test_without_such_runs_the_caption_counts_none(runs_table):
    assert "not fitted" not in text(only_figure(runs_table(*rows()))[1])


def test_a_setting_without_any_fitted_run_leaves_a_gap_in_its_line(runs_table):
    changed = [
        row | ({"status": "diverged"} if row["run_id"].startswith("shared_rotationgap") else {}) for row in rows()
    ]
    _, figure = only_figure(runs_table(*changed))
    means, _ = lines(figure.axes[0])["GAP"]
    assert np.isnan(means[1]) and means[[0, 2]] == pytest.approx([70, 11])


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_runs_without_a_result_are_not_shown_at_all(runs_table, status):
    _, figure = only_figure(runs_table(*rows(), {"transform": "pixel_rotation", "status": status}))
    assert len(figure.axes[0].get_xticklabels()) == 3 and "not fitted" not in text(figure)


def test_two_inference_algorithms_are_two_panels(runs_table):
    other = [row | {"inference": "nn", "best_test_accuracy": row["best_test_accuracy"] / 2} for row in rows()]
    _, figure = only_figure(runs_table(*rows(), *other))
    assert [axes.get_title() for axes in figure.axes] == ["NN", "NN+"]
    nn, nn_plus = (lines(axes)["GAP"][0] for axes in figure.axes)
    assert nn_plus == pytest.approx(2 * nn) and nn_plus == pytest.approx([70, 50, 11])
    assert [entry.get_text() for entry in figure.legends[0].get_texts()] == ["FCN", "GAP"]


def test_one_group_makes_no_figure(runs_table):
    table = runs_table(*(row for row in rows() if row["transform"] == "identity"))
    assert list(accuracy_by_group(results(table))) == []


def test_an_empty_table_makes_no_figure(runs_table):
    assert list(accuracy_by_group(results(runs_table()))) == list(learning_curves(results(runs_table()))) == []


def test_points_of_a_path_are_no_elements_of_the_group(runs_table):
    table = runs_table(*rows(), {"transform": "pixel_rotation", "transform_strength": 0.5})
    assert len(only_figure(table)[1].axes[0].get_xticklabels()) == 3


def test_every_data_set_and_size_has_a_figure(runs_table):
    table = runs_table(*rows(), *rows(subset_size=None), *rows(data="digits"))
    assert {name for name, _ in accuracy_by_group(results(table))} == {
        "accuracy_by_group_photo_patches_40",
        "accuracy_by_group_photo_patches_all",
        "accuracy_by_group_digits_40",
    }


def test_what_else_varies_is_a_line_of_its_own(runs_table):
    table = runs_table(
        *rows(**{"inference.l2": 0.0}),
        *(row | {"best_test_accuracy": 0.25, "inference.l2": 0.5} for row in rows()),
    )
    drawn = lines(only_figure(table)[1].axes[0])
    assert set(drawn) == {"FCN, l2 0.0", "FCN, l2 0.5", "GAP, l2 0.0", "GAP, l2 0.5"}
    assert drawn["GAP, l2 0.5"][0] == pytest.approx([25, 25, 25])
    assert drawn["GAP, l2 0.0"][0] == pytest.approx([70, 50, 11])


def test_names_of_lines(runs_table):
    from geomsym.analysis import over_seeds

    table = runs_table(
        {"architecture": "lap4", "width": 8}, {"architecture": "fcn", "width": 8}, {"architecture": "fcn", "width": 9}
    )
    assert list(series_names(over_seeds(table))) == ["LAP$^{4}$", "FCN, width 8", "FCN, width 9"]


def test_architectures_are_in_the_order_of_their_symmetry():
    assert style.architecture_order(pd.Series(["gap", "lap16", "new", "lap4", "vec", "fcn", "lcn"])) == [
        "fcn", "lcn", "vec", "lap4", "lap16", "gap", "new",
    ]  # fmt: skip


def curves_of(made):
    return [
        (row["run_id"], step, step / 2, split, metric, value)
        for row in made
        for step, value in ((0, 0.1), (10, row["best_test_accuracy"]))
        for split, metric in (("train", "accuracy"), ("test", "accuracy"), ("test", "mse"), ("validation", "accuracy"))
    ]


def test_learning_curves_are_the_accuracies_of_every_run(runs_table):
    made = rows()
    ((name, figure),) = learning_curves(results(runs_table(*made), curves_of(made)))
    assert name == "learning_curves_photo_patches"
    assert [axes.get_title() for axes in figure.axes] == [r"$I$", r"$O(3)\otimes I_d$", r"$O(3d)$"]
    for axes, group in zip(figure.axes, ("identity", "shared_rotation", "global_rotation"), strict=True):
        assert len(axes.lines) == 2 * 2 * 2
        for kind in (":", "-"):
            drawn = sorted((line.get_color(), *line.get_ydata()) for line in axes.lines if line.get_linestyle() == kind)
            colors = dict(zip(("fcn", "gap"), style.OKABE_ITO, strict=False))
            expected = sorted(
                (colors[name], 10.0, 100 * value)
                for (g, name), values in ACCURACIES.items()
                if g == group
                for value in values
            )
            assert [color for color, *_ in drawn] == [color for color, *_ in expected]
            assert np.array([y for _, *y in drawn]) == pytest.approx(np.array([y for _, *y in expected]))
        assert all(list(line.get_xdata()) == [0, 10] for line in axes.lines)


def test_learning_curves_of_two_algorithms_are_two_rows(runs_table):
    made = [*rows(), *(row | {"inference": "cross_entropy", "run_id": row["run_id"] + "c"} for row in rows())]
    ((_, figure),) = learning_curves(results(runs_table(*made), curves_of(made)))
    assert len(figure.axes) == 6
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["NN+\naccuracy (%)", "cross-entropy\naccuracy (%)"]


def is_picture(path):
    if path.suffix == ".pdf":
        content = path.read_bytes()
        return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    with Image.open(path) as image:
        image.load()
        return image.format == "PNG" and len(np.unique(np.asarray(image))) > 10


def test_a_saved_figure_is_a_png_and_a_pdf(tmp_path, runs_table):
    _, figure = only_figure(runs_table(*rows()))
    files = save(figure, tmp_path / "figures" / "a.b")
    assert [path.name for path in files] == ["a.b.png", "a.b.pdf"] and all(is_picture(path) for path in files)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["a.b.pdf", "a.b.png"]


def test_all_figures_of_an_experiment_from_its_tables(tmp_path, runs_table):
    made = rows()
    tables = results(runs_table(*made), curves_of(made))
    write_csv(tmp_path / "runs.csv", tables.runs)
    write_csv(tmp_path / "curves.csv", tables.curves)
    before = dict(matplotlib.rcParams)
    files = draw_figures(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in files) == [
        f"figures/{name}.{kind}"
        for name in ("accuracy_by_group_photo_patches_40", "learning_curves_photo_patches")
        for kind in ("pdf", "png")
    ]
    assert all(is_picture(path) for path in files) and dict(matplotlib.rcParams) == before


def test_drawing_leaves_no_text_outside(runs_table):
    _, figure = only_figure(runs_table(*rows()))
    figure.savefig(io.BytesIO(), format="png")
    for box in (figure.legends[0].get_window_extent(), figure._suptitle.get_window_extent()):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1


def test_an_architecture_looks_the_same_in_every_panel(runs_table):
    """One algorithm was run on GAP alone: its line must not take the colour of the other panel's first line."""
    more = [row | {"inference": "nn"} for row in rows() if row["architecture"] == "gap"]
    (plus, nn) = sorted(only_figure(runs_table(*rows(), *more))[1].axes, key=lambda axes: axes.get_title() != "NN+")
    colors = [{c.get_label(): c[0].get_color() for c in axes.containers} for axes in (plus, nn)]
    assert set(colors[1]) == {"GAP"} and colors[0]["GAP"] == colors[1]["GAP"] != colors[0]["FCN"]
