"""Kernel matrices of data sets, computed as tiles under a memory budget."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Specs, shapes
from geomsym.distinct import distinct
from geomsym.errors import DataError
from geomsym.kernels.backends import BACKENDS, choose_backend, precision
from geomsym.kernels.store import NoStore, Store
from geomsym.kernels.tiles import Tile, Tiling
from geomsym.threads import keep_torch_to_cores

ReportPairs = Callable[[int, int], None]
"""Called with (pairs of images done, pairs in all) as a matrix grows."""

DIAGONAL_SIDE = 8
"""Images that are taken together where only the diagonal counts: enough for all cores."""


@dataclass(frozen=True)
class KernelMatrices:
    """Infinite-width kernels of two sets of images: `nngp` and `ntk` [n1, n2].

    `precision` is the relative error of their values, of the precision in which they were computed: 2⁻⁵² in float64.
    """

    nngp: Tensor
    ntk: Tensor
    precision: float

    def to(self, dtype: torch.dtype) -> "KernelMatrices":
        """The same, rounded to another dtype."""
        precision = max(self.precision, torch.finfo(dtype).eps)
        return KernelMatrices(self.nngp.to(dtype), self.ntk.to(dtype), precision)


def kernel_matrices(
    specs: Specs, x1: Tensor, x2: Tensor | None = None, backend: str = "auto", memory: float = 1e9
) -> KernelMatrices:
    """NNGP and NTK of all pairs of images x1 [n1, c, h, w] and x2 [n2, c, h, w]; x1 with itself where x2 is None.

    In the dtype and on the device of x1. The backend «auto» is the first of `BACKENDS` that covers the layers. With
    itself, only the upper triangle of tiles is computed, and the matrices are exactly symmetric. A tile takes about
    `memory` bytes.

    Raises `DataError` for images that are no such arrays, of different shapes, empty or not finite, and `ConfigError`
    where layers or backend don't fit them.

    At infinite width FCN doesn't see a rotation of all coordinates:

    >>> from geomsym.architectures import specs
    >>> from geomsym.transforms import sample_transform
    >>> x, tau = torch.ones(2, 3, 2, 2).cumsum(0), sample_transform("global_rotation", (3, 2, 2))
    >>> plain, turned = (kernel_matrices(specs("fcn", depth=2), images) for images in (x, tau(x)))
    >>> plain.ntk.shape, torch.allclose(plain.ntk, turned.ntk, rtol=1e-4)
    (torch.Size([2, 2]), True)
    """
    return Kernels(backend, memory).matrices(specs, x1, x2).to(x1.dtype)


@dataclass(frozen=True)
class Kernels:
    """Computes kernel matrices, and keeps their tiles in a store.

    Networks `alongside` that share their layers up to the readout with the one asked for get their tiles in the same
    pass over the planes, for whoever asks for them next.
    """

    backend: str = "auto"
    memory: float = 1e9
    store: Store = field(default_factory=NoStore)
    alongside: tuple[Specs, ...] = ()

    def matrices(
        self, specs: Specs, x1: Tensor, x2: Tensor | None = None, report: ReportPairs = lambda done, total: None
    ) -> KernelMatrices:
        """NNGP and NTK of all pairs in float64, as `kernel_matrices` says.

        Of equal images one is computed: their rows and columns are equal to the last bit.
        """
        check_inputs(specs, x1, x2)
        keep_torch_to_cores()
        (rows, i), (columns, j) = distinct(x1), distinct(x1 if x2 is None else x2)
        backend = choose_backend(self.backend, specs, x1)
        second = None if x2 is None else x2[columns]
        tiling = Tiling.of(specs, x1[rows], second, backend, self.memory, self.store, self.alongside)
        nngp, ntk = (x1.new_empty(len(rows), len(columns), dtype=torch.float64) for _ in range(2))
        total, done = tiling.pairs, 0
        report(0, total)
        for tile, values in tiling.results():
            for matrix, value in zip((nngp, ntk), values, strict=True):
                _place(matrix, tile, value.to(matrix))
            done += tile.pairs
            report(done, total)
        if len(rows) < len(i) or len(columns) < len(j):
            nngp, ntk = (matrix[i[:, None], j] for matrix in (nngp, ntk))
        return KernelMatrices(nngp, ntk, precision(specs, x1, backend))

    def diagonal(self, specs: Specs, x: Tensor) -> Tensor:
        """The NNGP kernel [n] of every image of x [n, c, h, w] with itself, float64."""
        check_inputs(specs, x, None)
        keep_torch_to_cores()
        block = BACKENDS[choose_backend(self.backend, specs, x)].block
        return torch.cat([block([specs], some, some)[0][0].diagonal() for some in x.split(DIAGONAL_SIDE)])


def check_values(matrices: KernelMatrices, symmetric: bool) -> None:
    """Raise `DataError` where values aren't finite, or a diagonal isn't positive in what its dtype holds in full."""
    for name, matrix in (("nngp", matrices.nngp), ("ntk", matrices.ntk)):
        bad = matrix.numel() - int(matrix.isfinite().sum())
        if bad:
            raise DataError(f"{name}: {bad} of {matrix.numel()} values aren't finite in {_name(matrix)}; {REMEDY}")
        if symmetric:
            check_positive(matrix.diagonal(), f"{name} of x1")


def check_positive(diagonal: Tensor, name: str) -> None:
    """Raise `DataError` where the kernel [n] of images with themselves isn't a positive number."""
    few = ~((diagonal >= torch.finfo(diagonal.dtype).tiny) & diagonal.isfinite())
    if few.any():
        i = int(few.nonzero()[0])
        reason = f"the diagonal has to be positive, in {_name(diagonal)}, but is {diagonal[i]:g} at image {i}"
        raise DataError(f"{name}: {reason}; {REMEDY}")


REMEDY = "leave out images of zeros or give architecture.b_variance above 0, scale the images, or give dtype=float64"


def _name(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _place(matrix: Tensor, tile: Tile, value: Tensor) -> None:
    matrix[tile.rows, tile.columns] = value
    if tile.mirrored:
        matrix[tile.columns, tile.rows] = value.mT


def check_inputs(specs: Specs, x1: Tensor, x2: Tensor | None) -> None:
    """Raise `DataError` or `ConfigError` where `kernel_matrices` can't be computed of these."""
    _check_images(x1, "x1")
    if x2 is not None:
        _check_images(x2, "x2")
        if x2.shape[1:] != x1.shape[1:] or x2.dtype != x1.dtype:
            raise DataError(f"x2: images are {_kind(x2)}, but those of x1 are {_kind(x1)}; give images of one kind")
    shapes(specs, tuple(x1.shape[1:]))


def _check_images(x: Tensor, name: str) -> None:
    if x.ndim != 4 or not x.is_floating_point():
        raise DataError(f"{name}: {_kind(x)} of {x.ndim} axes; give floating-point images [n, c, h, w]")
    if x.numel() == 0:
        raise DataError(f"{name}: empty, of shape {list(x.shape)}; give at least one image")
    if not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
        raise DataError(f"{name}: image {bad} has values that are nan or infinite")


def _kind(x: Tensor) -> str:
    return f"{list(x.shape[1:])} {_name(x)}"
