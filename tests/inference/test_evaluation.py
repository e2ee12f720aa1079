"""Accuracy and loss against loops; a network evaluated in batches against all at once."""

import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset, Split
from geomsym.inference.evaluation import evaluate, predict

CLASSES = 3
NETWORK = build(specs("fcn", CLASSES, width=8, depth=1), (2, 2, 1), dtype=torch.float64)


def split(count: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 2, 2, 1, generator=generator, dtype=torch.float64)
    return Split(x, torch.randint(CLASSES, (count,), generator=generator))


DATA = Dataset(split(30, 0), split(11, 1), split(17, 2), ("a", "b", "c"))


def slow_scores(part: Split, shift: float) -> tuple[float, float]:
    """Accuracy and mean squared error, an example at a time."""
    right, error = 0, 0.0
    for x, label in zip(part.x, part.y.tolist(), strict=True):
        f = NETWORK(x[None])[0].tolist()
        right += max(range(CLASSES), key=f.__getitem__) == label
        error += sum((f[k] - (k == label) + shift) ** 2 for k in range(CLASSES)) / CLASSES
    return right / len(part), error / len(part)


@pytest.mark.parametrize(("coding", "shift"), [("one_hot", 0.0), ("centered", 1 / 3)])
def test_scores_are_those_of_the_loop(coding, shift):
    found = evaluate(NETWORK, DATA, GradientDescentConfig(targets=coding))
    parts = {"train": DATA.train, "validation": DATA.validation, "test": DATA.test}
    assert set(found) == {(name, metric) for name in parts for metric in ("accuracy", "mse")}
    for name, part in parts.items():
        accuracy, error = slow_scores(part, shift)
        assert found[name, "accuracy"] == pytest.approx(accuracy, abs=1e-15)
        assert 0 < accuracy < 1
        assert found[name, "mse"] == pytest.approx(error, rel=1e-13)


def test_cross_entropy_is_measured_where_it_is_trained():
    found = evaluate(NETWORK, DATA, GradientDescentConfig(loss="cross_entropy"))
    expected = -NETWORK(DATA.test.x).log_softmax(1)[torch.arange(17), DATA.test.y].mean().item()
    assert found["test", "cross_entropy"] == pytest.approx(expected, rel=1e-13)
    assert not any(metric == "mse" for _, metric in found)


def test_empty_parts_are_left_out():
    empty = Split(DATA.train.x[:0], DATA.train.y[:0])
    found = evaluate(NETWORK, Dataset(DATA.train, empty, DATA.test, DATA.class_names), GradientDescentConfig())
    assert {name for name, _ in found} == {"train", "test"}


@pytest.mark.parametrize("batch_size", [1, 7, 17, 256])
def test_predictions_do_not_depend_on_the_batches(batch_size):
    out = predict(NETWORK, DATA.test.x, batch_size)
    assert not out.requires_grad
    torch.testing.assert_close(out, NETWORK(DATA.test.x).detach(), rtol=0, atol=1e-14)
