"""The tiles of a kernel matrix: read from a store, computed, or left to the process that is computing them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Specs
from geomsym.kernels.backends import BACKENDS, Block, goes_along, tile_side
from geomsym.kernels.planes import Matrices
from geomsym.kernels.readout import split_at_readout
from geomsym.kernels.store import NoStore, Store, images_name, network_name


@dataclass(frozen=True)
class Tile:
    """Rows i and columns j of a matrix; on the diagonal of a symmetric one, or above it where it is `mirrored`."""

    rows: slice
    columns: slice
    diagonal: bool = False
    mirrored: bool = False

    @property
    def pairs(self) -> int:
        """Pairs of images in the tile."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)


def tiles(n1: int, n2: int, side: int, symmetric: bool) -> Iterator[Tile]:
    """The tiles of an n1 × n2 matrix; of a symmetric one those of the upper triangle."""
    for i in range(0, n1, side):
        for j in range(i if symmetric else 0, n2, side):
            rows, columns = slice(i, min(i + side, n1)), slice(j, min(j + side, n2))
            yield Tile(rows, columns, symmetric and i == j, symmetric and i != j)


@dataclass(frozen=True)
class Tiling:
    """The tiles of one matrix of n1 × n2 pairs, and how each is had."""

    tiles: list[Tile]
    x1: Tensor
    x2: Tensor
    names1: dict[int, str]  # of the block of images that begins there
    names2: dict[int, str]
    networks: dict[str, Specs]  # by name; the first is the one asked for
    body: str
    block: Block
    store: Store

    @classmethod
    def of(
        cls,
        specs: Specs,
        x1: Tensor,
        x2: Tensor | None,
        backend: str,
        memory: float,
        store: Store,
        alongside: Sequence[Specs],
    ) -> "Tiling":
        """The tiles for a network, and for those `alongside` that one pass can serve; x1 with itself without x2."""
        body, _, _ = split_at_readout(specs, (x1.shape[2], x1.shape[3]))
        others = [other for other in alongside if body and goes_along(other, specs, x1, backend)]
        networks = {network_name(network, x1.dtype, backend): network for network in (specs, *others)}
        side = min(tile_side(network, x1, memory, backend) for network in networks.values())
        other = x1 if x2 is None else x2
        names1, names2 = ({i: images_name(x[i : i + side]) for i in range(0, len(x), side)} for x in (x1, other))
        return cls(
            list(tiles(len(x1), len(other), side, symmetric=x2 is None)),
            x1,
            other,
            names1,
            names2,
            networks,
            network_name(body, x1.dtype, backend),
            BACKENDS[backend].block,
            store if body else NoStore(),  # without planes, computing is as fast as reading
        )

    @property
    def pairs(self) -> int:
        """Pairs of images in all tiles."""
        return sum(tile.pairs for tile in self.tiles)

    def results(self) -> Iterator[tuple[Tile, Matrices]]:
        """Every tile once with its NNGP and NTK: those that another process is computing as soon as it has."""
        left = self.tiles
        while left:
            waiting = []
            for tile in left:
                values = self._read(tile) or self._computed(tile)
                if values is None:
                    waiting.append(tile)
                else:
                    yield tile, values
            if len(waiting) == len(left):
                time.sleep(0.05)
            left = waiting

    def _read(self, tile: Tile) -> Matrices | None:
        return self.store.read(next(iter(self.networks)), self._name(tile))

    def _computed(self, tile: Tile) -> Matrices | None:
        """The tile computed here, or None where another process is about it."""
        name = self._name(tile)
        with self.store.claimed(f"{self.body}-{name}") as mine:
            if not mine:
                return None
            if (values := self._read(tile)) is not None:  # finished between the look and the claim
                return values
            missing = {key: specs for key, specs in self.networks.items() if not self.store.holds(key, name)}
            x1, x2, networks = self.x1[tile.rows], self.x2[tile.columns], list(missing.values())
            computed = _symmetric_block(self.block, networks, x1) if tile.diagonal else self.block(networks, x1, x2)
            for key, matrices in zip(missing, computed, strict=True):
                self.store.write(key, name, matrices)
            return computed[0]

    def _name(self, tile: Tile) -> str:
        return f"{self.names1[tile.rows.start]}-{self.names2[tile.columns.start]}"


LEAF = 32
"""The side from which a tile on the diagonal isn't halved any more."""


def _symmetric_block(block: Block, networks: Sequence[Specs], x: Tensor) -> list[Matrices]:
    """A tile on the diagonal, exactly symmetric: halves that are symmetric themselves, and one block between them."""
    if len(x) <= LEAF:
        return [_symmetric(matrices) for matrices in block(networks, x, x)]
    first, second = x.split((len(x) + 1) // 2)
    corners = (_symmetric_block(block, networks, half) for half in (first, second))
    return [
        (_assembled(a[0], b[0], between[0]), _assembled(a[1], b[1], between[1]))
        for a, b, between in zip(*corners, block(networks, first, second), strict=True)
    ]


def _assembled(first: Tensor, second: Tensor, between: Tensor) -> Tensor:
    return torch.cat([torch.cat([first, between], dim=1), torch.cat([between.mT, second], dim=1)])


def _symmetric(matrices: Matrices) -> Matrices:
    """A tile with its upper triangle in the place of its lower, which differs by rounding."""
    nngp, ntk = (tile.triu() + tile.triu(1).mT for tile in matrices)
    return nngp, ntk
