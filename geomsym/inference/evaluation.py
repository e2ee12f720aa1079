"""Accuracy and loss of a network on the parts of a data set."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset
from geomsym.inference.fit import Scores
from geomsym.inference.losses import mean_squared_error, targets


def evaluate(network: nn.Module, data: Dataset, cfg: GradientDescentConfig) -> Scores:
    """Accuracy and `mse` or `cross_entropy` by (split, metric), for every split that isn't empty."""
    scores: Scores = {}
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        if len(split.y):
            outputs = predict(network, split.x)
            scores[name, "accuracy"] = (outputs.argmax(1) == split.y).double().mean().item()
            scores[name, cfg.loss] = _loss(outputs, split.y, cfg).item()
    return scores


@torch.no_grad()
def predict(network: nn.Module, x: Tensor, batch_size: int = 256) -> Tensor:
    """Outputs [n, K] for inputs [n, …], a batch at a time."""
    return torch.cat([network(batch) for batch in x.split(batch_size)])


def _loss(outputs: Tensor, labels: Tensor, cfg: GradientDescentConfig) -> Tensor:
    if cfg.loss == "cross_entropy":
        return F.cross_entropy(outputs, labels)
    return mean_squared_error(outputs, targets(labels, outputs.shape[1], cfg.targets, outputs.dtype))
