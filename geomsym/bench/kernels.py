"""How many pairs of images a second kernels take on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import torch

from geomsym import data
from geomsym.architectures import architecture_specs, specs
from geomsym.architectures.layer_specs import Shape, Specs
from geomsym.config import ArchitectureConfig, RunConfig
from geomsym.kernels.backends import choose_backend
from geomsym.kernels.matrices import kernel_matrices

CASES = (("gap", 32), ("gap", 8), ("lap", 32), ("vec", 32), ("fcn", 32))
"""Families and image sides, as Neural Tangents was measured on."""


@dataclass(frozen=True)
class Throughput:
    """One network on images of shape [c, h, w]: both kernels of `pairs` pairs took `seconds`."""

    architecture: str
    shape: Shape
    depth: int
    backend: str
    pairs: int
    seconds: float

    @property
    def pairs_per_second(self) -> float:
        """Pairs of images a second, both kernels together."""
        return self.pairs / self.seconds


def kernel_throughput(depth: int = 8, device: str = "cpu", seconds: float = 3.0) -> Iterator[Throughput]:
    """Measure NNGP and NTK together, ReLU, float32, random images with three channels, windows of 4 for LAP."""
    for name, side in CASES:
        layers = specs(name, depth=depth)
        architecture = ArchitectureConfig(name).label
        yield measure(layers, architecture, depth, (3, side, side), torch.float32, device, seconds)


def run_throughput(cfg: RunConfig, device: str, seconds: float) -> tuple[Throughput, int]:
    """Measure the network of a run on random images of the shape of its data; and the pairs that the run needs."""
    dtype = getattr(torch, cfg.dtype)
    dataset = data.load(cfg.data, dtype)
    layers, network = architecture_specs(cfg.architecture, dataset.classes), cfg.architecture
    found = measure(layers, network.label, network.depth, dataset.input_shape, dtype, device, seconds)
    return found, pairs_of_a_run(len(dataset.train), len(dataset.validation) + len(dataset.test))


def measure(
    layers: Specs, architecture: str, depth: int, shape: Shape, dtype: torch.dtype, device: str, seconds: float
) -> Throughput:
    """Measure one network: run once to compile, then with twice as many images each time until it takes `seconds`."""
    _time(layers, 2, shape, dtype, device)
    n = 4
    while (taken := _time(layers, n, shape, dtype, device)) < seconds:
        n *= 2
    backend = choose_backend("auto", layers, torch.zeros(1, *shape, dtype=dtype, device=device))
    return Throughput(architecture, shape, depth, backend, n * n, taken)


def pairs_of_a_run(train: int, others: int) -> int:
    """Pairs of images whose kernels a run needs: the upper triangle of the training images', and others × training."""
    return train * (train + 1) // 2 + others * train


def _time(layers: Specs, n: int, shape: Shape, dtype: torch.dtype, device: str) -> float:
    """Seconds for n × n pairs of different images."""
    generator = torch.Generator().manual_seed(0)
    x1, x2 = (torch.randn(n, *shape, generator=generator, dtype=dtype).to(device) for _ in range(2))
    start = perf_counter()
    kernel_matrices(layers, x1, x2)
    if device != "cpu":
        torch.cuda.synchronize()
    return perf_counter() - start
