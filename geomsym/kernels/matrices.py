"""Kernel matrices of data sets, computed as tiles under a memory budget."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Specs, shapes
from geomsym.errors import ConfigError, DataError, choose
from geomsym.kernels import numba_backend, planes
from geomsym.kernels.readout import split_at_readout

Block = Callable[[Specs, Tensor, Tensor], tuple[Tensor, Tensor]]

BACKENDS: dict[str, Block] = {"torch": planes.kernel_block, "numba": numba_backend.kernel_block}
"""How a tile is computed: «torch» is the reference and runs everywhere, «numba» the fast path on CPUs."""

VALUES_AT_ONCE = 12
"""Numbers that are alive at the same time for each value of a plane, measured in the reference with ReLU."""


COMPILED_TILE, VECTOR_TILE = 128, 2048
"""Images along a side of a tile of the compiled path, and of networks without planes: where memory sets no limit, small
enough that a symmetric matrix costs little more than its upper triangle, and large enough to keep all cores at work."""


@dataclass(frozen=True)
class KernelMatrices:
    """Infinite-width kernels of two sets of images: `nngp` and `ntk` [n1, n2]."""

    nngp: Tensor
    ntk: Tensor


def kernel_matrices(
    specs: Specs, x1: Tensor, x2: Tensor | None = None, backend: str = "auto", memory: float = 1e9
) -> KernelMatrices:
    """NNGP and NTK of all pairs of images x1 [n1, c, h, w] and x2 [n2, c, h, w]; x1 with itself where x2 is None.

    In the dtype and on the device of x1. The backend «auto» is numba where it covers the layers (see
    `geomsym.kernels.numba_backend.supports`), else torch. With itself, only the upper triangle of tiles is
    computed, and the matrices are exactly symmetric. A tile takes about `memory` bytes.

    Raises `DataError` for images that are no such arrays, of different shapes, empty or not finite, and `ConfigError`
    where layers or backend don't fit them.
    """
    _check(x1, "x1")
    other = x1 if x2 is None else x2
    _check(other, "x2")
    if other.shape[1:] != x1.shape[1:] or other.dtype != x1.dtype:
        raise DataError(f"x2: images are {_kind(other)}, but those of x1 are {_kind(x1)}; give images of one kind")
    shapes(specs, tuple(x1.shape[1:]))
    block = choose_backend(backend, specs, x1)
    side = tile_side(specs, x1, memory)
    nngp, ntk = (x1.new_empty(len(x1), len(other)) for _ in range(2))
    for i in range(0, len(x1), side):
        for j in range(i if x2 is None else 0, len(other), side):
            rows, columns = slice(i, i + side), slice(j, j + side)
            for matrix, tile in zip((nngp, ntk), block(specs, x1[rows], other[columns]), strict=True):
                matrix[rows, columns] = _symmetric(tile) if x2 is None and i == j else tile
                if x2 is None and i != j:
                    matrix[columns, rows] = tile.mT
    return KernelMatrices(nngp, ntk)


def choose_backend(name: str, specs: Specs, x: Tensor) -> Block:
    """The function that computes tiles; raises `ConfigError` where it is asked for and doesn't cover the layers."""
    covered = numba_backend.supports(specs, x)
    if name == "numba" and not covered:
        raise ConfigError(
            "backend", name, "covers dense and circular 3×3 layers with ReLU, float32, on a CPU: give torch or auto"
        )
    return choose("backend", ("numba" if covered else "torch") if name == "auto" else name, BACKENDS)


def tile_side(specs: Specs, x: Tensor, memory: float) -> int:
    """The number of images along a side of a tile that keeps within `memory` bytes."""
    body, _, _ = split_at_readout(specs, (x.shape[2], x.shape[3]))
    planes = x.shape[2] * x.shape[3] if body else 1
    fitting = max(1, int((memory / (planes * x.element_size() * VALUES_AT_ONCE)) ** 0.5))
    if not body:
        return min(fitting, VECTOR_TILE)
    return COMPILED_TILE if numba_backend.supports(specs, x) else fitting


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
