"""Objectives on network outputs, as functions of outputs [b, K] and labels [b]."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def targets(labels: Tensor, classes: int, coding: str, dtype: torch.dtype) -> Tensor:
    """Regression targets [b, K]: one-hot, minus 1/K where `coding` is «centered»."""
    one_hot = F.one_hot(labels, classes).to(dtype)
    return one_hot - 1 / classes if coding == "centered" else one_hot


def mean_squared_error(outputs: Tensor, y: Tensor) -> Tensor:
    """Mean over examples and outputs of (f − y)²; twice the loss that training minimises."""
    return (outputs - y).square().mean()


def objective(loss: str, coding: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The training loss of (outputs [b, K], labels [b]), without the weight penalty.

    «mse» is 1/(2·K·b) Σ|f(x) − y|² (Xiao & Pennington 2022, App. B.1); «cross_entropy» the mean of
    −log softmax.
    """
    if loss == "cross_entropy":
        return F.cross_entropy

    def half_mean_square(outputs: Tensor, labels: Tensor) -> Tensor:
        return mean_squared_error(outputs, targets(labels, outputs.shape[1], coding, outputs.dtype)) / 2

    return half_mean_square
