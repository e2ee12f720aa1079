"""Tiles of kernel matrices on disk, so that what was computed once is read from then on.

    <folder>/<network>/<images>-<images>.npy     [2, n1, n2]: NNGP and NTK

A tile is named by what it depends on: a hash of the layers, the dtype and the back end, and hashes of both blocks of
images, as they are after all transforms. Matrices of other algorithms, ridges, seeds and subset sizes (subsets are
nested) therefore share tiles, and a job that was killed goes on where it stopped. Processes that need the same tile
leave it to the first. The folder can be deleted at any time.
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from geomsym.architectures.layer_specs import Specs
from geomsym.errors import DataError
from geomsym.files import write_atomically
from geomsym.kernels.planes import Matrices
from geomsym.kernels.readout import without_widths

VERSION = 2
"""Part of every name; to be raised by a change that gives other values."""


class Store(Protocol):
    """Where tiles are kept."""

    def read(self, network: str, tile: str) -> Matrices | None:
        """NNGP and NTK of a tile on the CPU, or None where it isn't there."""
        ...

    def holds(self, network: str, tile: str) -> bool:
        """Whether the tile is there."""
        ...

    def write(self, network: str, tile: str, matrices: Matrices) -> None:
        """Keep a tile."""
        ...

    def claimed(self, name: str) -> AbstractContextManager[bool]:
        """A context in which nobody else computes what is named so; it gives False where somebody does already."""
        ...


class NoStore:
    """Keeps nothing."""

    def read(self, network: str, tile: str) -> Matrices | None:
        """Nothing is there."""

    def holds(self, network: str, tile: str) -> bool:
        """Nothing is there."""
        return False

    def write(self, network: str, tile: str, matrices: Matrices) -> None:
        """Nothing is kept."""

    @contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Nobody else is at work."""
        yield True


class FolderStore:
    """Keeps tiles in a folder, which is made when the first is written."""

    def __init__(self, path: Path):
        self.path = path

    def read(self, network: str, tile: str) -> Matrices | None:
        """NNGP and NTK of a tile; raises `DataError` for a file that can't be read."""
        if not self.holds(network, tile):
            return None
        path = self._file(network, tile)
        try:
            nngp, ntk = torch.from_numpy(np.load(path, allow_pickle=False))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: can't be read as a tile of a kernel matrix ({error}); delete it") from error
        return nngp, ntk

    def holds(self, network: str, tile: str) -> bool:
        """Whether the tile's file is there."""
        return self._file(network, tile).exists()

    def write(self, network: str, tile: str, matrices: Matrices) -> None:
        """Write a tile, whole or not at all."""
        values = torch.stack(matrices).cpu().numpy()
        write_atomically(self._file(network, tile), lambda path: np.save(path, values))

    @contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """A lock that ends with its process."""
        path = self.path / "locks" / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
            lock.release()

    def _file(self, network: str, tile: str) -> Path:
        return self.path / network / f"{tile}.npy"


def network_name(specs: Specs, dtype: torch.dtype, backend: str) -> str:
    """Twelve hexadecimal digits for everything but the images that the values of a tile depend on."""
    return _digest(repr((VERSION, without_widths(specs), str(dtype), backend)).encode())


def images_name(x: Tensor) -> str:
    """Twenty-four hexadecimal digits for a block of images [n, c, h, w]."""
    return _digest(repr(tuple(x.shape)).encode() + x.cpu().contiguous().numpy().tobytes(), 24)


def _digest(content: bytes, digits: int = 12) -> str:
    return hashlib.sha256(content).hexdigest()[:digits]
