"""How long volume elements take on this machine, compared with differentiation feature by feature."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from geomsym.architectures import build, specs
from geomsym.geometry.feature_maps import NetworkMap, feature_map
from geomsym.geometry.volume import log_volume

INPUTS, WIDTH = 784, 2000
"""The network [784, 2000, 10] of Zavatone-Veth et al. (2023)."""


@dataclass(frozen=True)
class Timing:
    """One way to compute log √det g: `seconds` for each point; `ratio`: times as fast as the first way; medians."""

    method: str
    seconds: float
    ratio: float


def volume_timings(rounds: int = 3, points: int = 8, device: str = "cpu") -> Iterator[Timing]:
    """Measure log-volumes of a [784, 2000, 10] network with erf in float64, several points at a time.

    The first way is that of published code: one backward pass a feature, with a graph, and the singular values, one
    point at a time. Each round times all ways one after the other, and ratios are taken within a round.
    """
    network = build(specs("fcn", depth=1, width=WIDTH, activation="erf"), (INPUTS, 1, 1), dtype=torch.float64)
    shallow = feature_map(network.to(device), (INPUTS, 1, 1))
    generic = NetworkMap(network[:-1].requires_grad_(False), (INPUTS, 1, 1))
    x = torch.randn(points, INPUTS, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(device)
    ways: dict[str, Callable[[], Tensor]] = {
        "autograd.functional.jacobian, SVD": lambda: _feature_by_feature(generic, x[0]),
        "generic": lambda: log_volume(generic, x),
        "closed form": lambda: log_volume(shallow, x),
    }
    counts = [1, points, points]
    for way in ways.values():
        way()
    times = [[_seconds(way, device) / n for way, n in zip(ways.values(), counts, strict=True)] for _ in range(rounds)]
    for k, name in enumerate(ways):
        yield Timing(name, median(row[k] for row in times), median(row[0] / row[k] for row in times))


def _feature_by_feature(features: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    J = torch.autograd.functional.jacobian(features, x, create_graph=True, vectorize=False)
    assert isinstance(J, Tensor)
    return torch.linalg.svdvals(J.detach() / J.shape[0] ** 0.5).log().sum()


def _seconds(way: Callable[[], Tensor], device: str) -> float:
    start = perf_counter()
    way()
    if device != "cpu":
        torch.cuda.synchronize()
    return perf_counter() - start
