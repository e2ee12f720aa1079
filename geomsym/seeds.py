"""Independent random streams from one seed."""

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Generator


def numpy_generator(seed: int, purpose: str) -> np.random.Generator:
    """A NumPy generator for one purpose; streams of different purposes are independent."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def torch_generator(seed: int, purpose: str) -> "Generator":
    """A CPU generator for one purpose.

    Always on the CPU: a seed then gives the same numbers on every device.
    """
    from torch import Generator

    state = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1, np.uint64)[0]
    return Generator().manual_seed(int(state >> np.uint64(1)))


def derived_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose, for what takes a seed of its own; different purposes give independent ones."""
    return int(numpy_generator(seed, purpose).integers(2**63))
