"""The ways to compute a tile of a kernel matrix, and how large a tile each takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from geomsym.architectures.layer_specs import Specs
from geomsym.errors import ConfigError, look_up
from geomsym.kernels import numba_backend, triton_backend
from geomsym.kernels.planes import Matrices, is_circular, kernel_block
from geomsym.kernels.readout import Window, axis_pairs, split_at_readout, without_widths

Block = Callable[[Sequence[Specs], Tensor, Tensor], list[Matrices]]
"""Computes NNGP and NTK [n1, n2] of networks that share their layers up to the readout."""


SINGLE, DOUBLE = 2.0**-23, 2.0**-52
"""The relative rounding error of float32 and float64."""


@dataclass(frozen=True)
class Backend:
    """A way to compute tiles.

    `supports(networks, x)` says whether `block` does networks on such images, and `coverage` says it in words.
    A tile of networks with planes holds at most `work` values of planes, all displacements counted: seconds of work,
    which is what an interrupted job loses. `precision` is the relative rounding error of the planes that it computes.
    """

    block: Block
    supports: Callable[[Sequence[Specs], Tensor], bool]
    coverage: str
    work: int
    precision: float = DOUBLE


BACKENDS = {
    "triton": Backend(triton_backend.kernel_block, triton_backend.supports, triton_backend.COVERAGE, 2**34, SINGLE),
    "numba": Backend(numba_backend.kernel_block, numba_backend.supports, numba_backend.COVERAGE, 2**28, SINGLE),
    "torch": Backend(kernel_block, lambda networks, x: True, "everything", 2**26),
}
"""Ways to compute tiles, the fastest first; «torch» is the reference and runs everywhere."""

LARGEST_SIDE, VECTOR_SIDE = 512, 2048
"""Images along a side of a tile at most, with and without planes."""

VALUES_AT_ONCE, BYTES = 12, 8
"""Float64 numbers that are alive at the same time for each value of a plane, measured in the reference with ReLU."""


def choose_backend(name: str, specs: Specs, x: Tensor) -> str:
    """The backend's name; raises `ConfigError` where one is asked for that doesn't cover the layers."""
    if name == "auto":
        return next(key for key, backend in BACKENDS.items() if backend.supports([specs], x))
    backend = look_up("backend", name, BACKENDS)
    if not backend.supports([specs], x):
        raise ConfigError("backend", name, f"covers {backend.coverage}: give torch or auto")
    return name


def goes_along(other: Specs, specs: Specs, x: Tensor, backend: str) -> bool:
    """Whether another network shares the body of this one, and the backend covers both at once."""
    size = (x.shape[2], x.shape[3])
    same = split_at_readout(without_widths(other), size)[0] == split_at_readout(without_widths(specs), size)[0]
    return same and BACKENDS[backend].supports([specs, other], x)


def tile_side(specs: Specs, x: Tensor, memory: float, backend: str = "torch") -> int:
    """The number of images along a side of a tile that keeps within `memory` bytes and the backend's work.

    A power of two, so that nested subsets of the images share tiles.
    """
    size = (x.shape[2], x.shape[3])
    body, window, _ = split_at_readout(specs, size)
    if not body:
        fitting, largest = memory / (VALUES_AT_ONCE * BYTES), VECTOR_SIDE
    else:
        positions, planes = size[0] * size[1], displacements(body, window, size)
        pairs_that_fit = memory / (VALUES_AT_ONCE * positions * BYTES)
        fitting, largest = min(pairs_that_fit, BACKENDS[backend].work / (positions * planes)), LARGEST_SIDE
    return min(largest, 1 << (int(fitting**0.5).bit_length() - 1)) if fitting >= 1 else 1


def precision(specs: Specs, x: Tensor, backend: str) -> float:
    """The relative rounding error with which a backend computes a network; without planes that of float64."""
    body, _, _ = split_at_readout(specs, (x.shape[2], x.shape[3]))
    return BACKENDS[backend].precision if body else DOUBLE


def displacements(body: Specs, window: Window, size: tuple[int, int]) -> int:
    """The number of planes that a readout over windows needs."""
    circular = is_circular(body)
    return len(axis_pairs(size[0], window.height, circular)) * len(axis_pairs(size[1], window.width, circular))
