"""What a curve of scores is summarised to."""

from math import isnan

from geomsym.inference.result import best, summarize


def scores(train: float, validation: float | None, test: float | None, mse: float = 0.1) -> dict:
    splits = {"train": train, "validation": validation, "test": test}
    present = {name: value for name, value in splits.items() if value is not None}
    accuracies = {(name, "accuracy"): value for name, value in present.items()}
    return accuracies | {(name, "mse"): mse for name in present}


CURVE = {
    0: scores(0.1, 0.2, 0.3),
    10: scores(0.5, 0.7, 0.6),
    20: scores(0.9, 0.6, 0.8),
    30: scores(0.8, 0.7, 0.4, mse=0.5),
}


def test_the_last_values_the_best_and_the_one_selected_on_validation():
    assert summarize(CURVE) == {
        "train_accuracy": 0.8,
        "validation_accuracy": 0.7,
        "test_accuracy": 0.4,
        "train_mse": 0.5,
        "test_mse": 0.5,
        "best_test_accuracy": 0.8,
        "selected_test_accuracy": 0.6,  # at step 10, the first of the two with validation accuracy 0.7
        "steps": 30,
    }


def test_the_initialisation_counts():
    curve = {0: scores(0.1, 0.9, 0.7), 10: scores(0.5, 0.2, 0.6)}
    summary = summarize(curve)
    assert (summary["best_test_accuracy"], summary["selected_test_accuracy"]) == (0.7, 0.7)


def test_without_a_validation_part_nothing_is_selected():
    summary = summarize({0: scores(0.1, None, 0.7), 10: scores(0.5, None, 0.6)})
    assert summary["best_test_accuracy"] == 0.7
    assert not any("validation" in key or "selected" in key for key in summary)


def test_columns_of_an_empty_test_part_are_left_out():
    summary = summarize({0: scores(0.1, 0.4, None), 10: scores(0.5, 0.3, None)})
    assert summary == {
        "train_accuracy": 0.5,
        "validation_accuracy": 0.3,
        "train_mse": 0.1,
        "steps": 10,
    }


def test_cross_entropies_are_kept_in_the_curve_only():
    curve = {0: {("train", "accuracy"): 0.5, ("train", "cross_entropy"): 0.7, ("test", "accuracy"): 0.4}}
    assert set(summarize(curve)) == {"train_accuracy", "test_accuracy", "best_test_accuracy", "steps"}


def test_an_empty_curve_has_no_steps_and_no_best():
    assert summarize({}) == {"steps": 0}
    assert isnan(best({}, "train"))


def test_the_best_of_a_split():
    assert best(CURVE, "train") == 0.9
    assert best(CURVE, "validation") == 0.7
