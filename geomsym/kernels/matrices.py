"""Kernel matrices of data sets, computed as tiles under a memory budget."""

from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Specs, shapes
from geomsym.errors import DataError, choose
from geomsym.kernels.planes import kernel_block

BACKENDS = {"torch": kernel_block}
"""How a tile is computed; «torch» is the reference and runs everywhere."""

PLANES_AT_ONCE = 12
"""Planes of a tile that are alive at the same time, measured in the reference with ReLU."""


@dataclass(frozen=True)
class KernelMatrices:
    """Infinite-width kernels of two sets of images: `nngp` and `ntk` [n1, n2]."""

    nngp: Tensor
    ntk: Tensor


def kernel_matrices(
    specs: Specs, x1: Tensor, x2: Tensor | None = None, backend: str = "auto", memory: float = 1e9
) -> KernelMatrices:
    """NNGP and NTK of all pairs of images x1 [n1, c, h, w] and x2 [n2, c, h, w]; x1 with itself where x2 is None.

    In the dtype and on the device of x1. With itself, only the upper triangle of tiles is computed, and the matrices
    are exactly symmetric. A tile takes about `memory` bytes. Raises `DataError` for images that are no such arrays, of
    different shapes, empty or not finite, and `ConfigError` where the layers don't fit them.
    """
    _check(x1, "x1")
    other = x1 if x2 is None else x2
    _check(other, "x2")
    if other.shape[1:] != x1.shape[1:] or other.dtype != x1.dtype:
        raise DataError(f"x2: images are {_kind(other)}, but those of x1 are {_kind(x1)}; give images of one kind")
    shapes(specs, tuple(x1.shape[1:]))
    block = choose("backend", "torch" if backend == "auto" else backend, BACKENDS)
    side = tile_side(x1, memory)
    nngp, ntk = (x1.new_empty(len(x1), len(other)) for _ in range(2))
    for i in range(0, len(x1), side):
        for j in range(i if x2 is None else 0, len(other), side):
            rows, columns = slice(i, i + side), slice(j, j + side)
            for matrix, tile in zip((nngp, ntk), block(specs, x1[rows], other[columns]), strict=True):
                matrix[rows, columns] = _symmetric(tile) if x2 is None and i == j else tile
                if x2 is None and i != j:
                    matrix[columns, rows] = tile.mT
    return KernelMatrices(nngp, ntk)


def tile_side(x: Tensor, memory: float) -> int:
    """The number of images along a side of a tile that keeps within `memory` bytes."""
    plane = x.shape[2] * x.shape[3] * x.element_size() * PLANES_AT_ONCE
    return max(1, int((memory / plane) ** 0.5))


def _symmetric(tile: Tensor) -> Tensor:
    """A tile with its upper triangle in the place of its lower, which differs by rounding."""
    return tile.triu() + tile.triu(1).mT


def _check(x: Tensor, name: str) -> None:
    if x.ndim != 4 or not x.is_floating_point():
        raise DataError(f"{name}: {_kind(x)} of {x.ndim} axes; give floating-point images [n, c, h, w]")
    if x.numel() == 0:
        raise DataError(f"{name}: empty, of shape {list(x.shape)}; give at least one image")
    if not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
        raise DataError(f"{name}: image {bad} has values that are nan or infinite")


def _kind(x: Tensor) -> str:
    return f"{list(x.shape[1:])} {str(x.dtype).removeprefix('torch.')}"
