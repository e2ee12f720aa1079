"""Accuracy and loss of a predictor on the parts of a data set."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset
from geomsym.inference.losses import mean_squared_error, targets
from geomsym.inference.result import Course, Scores


def evaluate(network: nn.Module, data: Dataset, cfg: GradientDescentConfig, course: Course | None = None) -> Scores:
    """Accuracy and `mse` or `cross_entropy` by (split, metric), for every split that isn't empty.

    A `course` of all examples is told how many have been looked at.
    """
    outputs, before = {}, 0
    for name, split in data.splits.items():
        outputs[name] = predict(network, split.x, course=course, before=before)
        before += len(split)
    return score(outputs, data, cfg.loss, cfg.targets)


def score(outputs: Mapping[str, Tensor], data: Dataset, loss: str, coding: str) -> Scores:
    """Accuracy and `mse` or `cross_entropy` by (split, metric), of outputs [n, K] for the named splits."""
    scores: Scores = {}
    for name, f in outputs.items():
        labels = data.splits[name].y
        scores[name, "accuracy"] = (f.argmax(1) == labels).double().mean().item()
        scores[name, loss] = _loss(f, labels, loss, coding).item()
    return scores


@torch.no_grad()
def predict(
    network: nn.Module, x: Tensor, batch_size: int = 256, course: Course | None = None, before: int = 0
) -> Tensor:
    """Outputs [n, K] for inputs [n, …], a batch at a time; `before` inputs of the course were others.

    The network is evaluated in eval mode, and is afterwards in the mode that it had.
    """
    outputs = []
    with evaluation_mode(network):
        for batch in x.split(batch_size):
            outputs.append(network(batch))
            before += len(batch)
            if course:
                course.passing(before)
    return torch.cat(outputs)


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Eval mode for a while; then every submodule has its own mode again, also after an exception."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _loss(outputs: Tensor, labels: Tensor, loss: str, coding: str) -> Tensor:
    if loss == "cross_entropy":
        return F.cross_entropy(outputs, labels)
    return mean_squared_error(outputs, targets(labels, outputs.shape[1], coding, outputs.dtype))
