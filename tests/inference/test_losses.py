"""Targets and objectives by hand."""

from math import exp, log

import pytest
import torch

from geomsym.inference.losses import mean_squared_error, objective, targets

OUTPUTS = torch.tensor([[0.5, -1.0, 2.0], [0.0, 1.0, -3.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0])


def test_targets_are_one_hot_and_centered_ones_sum_to_zero():
    one_hot = torch.tensor([[0, 0, 1], [1, 0, 0]], dtype=torch.float64)
    assert torch.equal(targets(LABELS, 3, "one_hot", torch.float64), one_hot)
    centered = targets(LABELS, 3, "centered", torch.float64)
    torch.testing.assert_close(centered, one_hot - 1 / 3, rtol=0, atol=1e-16)
    torch.testing.assert_close(centered.sum(1), torch.zeros(2).double(), rtol=0, atol=1e-15)
    assert targets(LABELS, 3, "centered", torch.float32).dtype == torch.float32


@pytest.mark.parametrize(("coding", "shift"), [("one_hot", 0.0), ("centered", 1 / 3)])
def test_the_squared_error_is_summed_over_2_k_b(coding, shift):
    total = 0.0
    for b, label in enumerate(LABELS.tolist()):
        for k in range(3):
            total += (float(OUTPUTS[b, k]) - (k == label) + shift) ** 2
    assert float(objective("mse", coding)(OUTPUTS, LABELS)) == pytest.approx(total / (2 * 3 * 2), rel=1e-14)
    y = targets(LABELS, 3, coding, torch.float64)
    assert float(mean_squared_error(OUTPUTS, y)) == pytest.approx(total / (3 * 2), rel=1e-14)


def test_the_squared_errors_gradient_is_the_residual_over_k_b():
    f = OUTPUTS.clone().requires_grad_()
    objective("mse", "centered")(f, LABELS).backward()
    residual = OUTPUTS - targets(LABELS, 3, "centered", torch.float64)
    torch.testing.assert_close(f.grad, residual / (3 * 2), rtol=0, atol=1e-15)


@pytest.mark.parametrize("coding", ["one_hot", "centered"])
def test_cross_entropy_is_the_mean_of_minus_log_softmax(coding):
    total = 0.0
    for row, label in zip(OUTPUTS.tolist(), LABELS.tolist(), strict=True):
        total -= log(exp(row[label]) / sum(exp(f) for f in row))
    assert float(objective("cross_entropy", coding)(OUTPUTS, LABELS)) == pytest.approx(total / 2, rel=1e-14)
