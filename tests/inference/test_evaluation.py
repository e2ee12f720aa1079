"""Accuracy and loss against loops; a network evaluated in batches against all at once."""

from copy import deepcopy

import pytest
import torch
from torch import nn

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


def moody() -> nn.Module:
    """A network whose outputs and whose state depend on its mode; of two BatchNorms one is frozen."""
    last = nn.BatchNorm1d(CLASSES)
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, CLASSES), last)
    network.double().train()
    last.eval()
    return network


def modes(network: nn.Module) -> list[bool]:
    return [module.training for module in network.modules()]


@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_predictions_are_those_of_eval_mode_and_leave_the_network_as_it_was(batch_size):
    network = moody()
    before, state = modes(network), {name: value.clone() for name, value in network.state_dict().items()}
    found = predict(network, DATA.test.x, batch_size)
    assert modes(network) == before == [True, True, True, True, True, False]
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not torch.allclose(deepcopy(network)(DATA.test.x), found)  # the control: in training mode they are others
    torch.testing.assert_close(found, network.eval()(DATA.test.x).detach(), rtol=0, atol=1e-14)


def test_the_mode_is_restored_after_an_exception():
    network = moody()
    before = modes(network)
    with pytest.raises(RuntimeError):
        predict(network, DATA.test.x[:, :1])
    assert modes(network) == before
