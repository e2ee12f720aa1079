"""How many pairs of images a second kernels take on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import torch

from geomsym.architectures import label, specs
from geomsym.architectures.layer_specs import Specs
from geomsym.config import ArchitectureConfig
from geomsym.kernels.matrices import choose_backend, kernel_matrices

CASES = (("gap", 32), ("gap", 8), ("lap", 32), ("vec", 32), ("fcn", 32))
"""Families and image sides, as Neural Tangents was measured on."""


@dataclass(frozen=True)
class Throughput:
    """One network on c×side×side images: both kernels of `pairs` pairs took `seconds`."""

    architecture: str
    side: int
    depth: int
    backend: str
    pairs: int
    seconds: float

    @property
    def pairs_per_second(self) -> float:
        """Pairs of images a second, both kernels together."""
        return self.pairs / self.seconds


def kernel_throughput(depth: int = 8, device: str = "cpu", seconds: float = 3.0) -> Iterator[Throughput]:
    """Measure NNGP and NTK together, ReLU, float32, random images with three channels, windows of 4 for LAP.

    Every case is run once to compile, then with twice as many images each time until it takes `seconds`.
    """
    for name, side in CASES:
        layers = specs(name, depth=depth)
        _time(layers, 2, side, device)
        n = 4
        while (taken := _time(layers, n, side, device)) < seconds:
            n *= 2
        architecture = label(ArchitectureConfig(name))
        x = torch.zeros(1, 3, side, side, device=device)
        backend = "numba" if choose_backend("auto", layers, x).__module__.endswith("numba_backend") else "torch"
        yield Throughput(architecture, side, depth, backend, n * n, taken)


def _time(layers: Specs, n: int, side: int, device: str) -> float:
    """Seconds for n × n pairs of different images."""
    generator = torch.Generator().manual_seed(0)
    x1, x2 = (torch.randn(n, 3, side, side, generator=generator).to(device) for _ in range(2))
    start = perf_counter()
    kernel_matrices(layers, x1, x2)
    if device != "cpu":
        torch.cuda.synchronize()
    return perf_counter() - start
