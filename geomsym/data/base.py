"""What a data source is: labels in memory, images read on demand, and a record that registers it.

Every image array is [n, c, h, w]. Points and vectors of p coordinates are [n, p, 1, 1]: p channels at one
position, so that every architecture takes them unchanged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from geomsym.config import DataConfig

C = TypeVar("C", bound=DataConfig)
Labels = NDArray[np.int64]
Indices = NDArray[np.int64]
Images = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class LabelledImages:
    """A pool of images: all labels [n], and a function from indices [k] to images [k, c, h, w].

    `read` decodes, cuts or scales only the images asked for, so that choosing a small subset of a large
    folder costs little. Images are float32, or float64 where they were stored so; pixels are in [0, 1] where
    they were bytes.
    """

    labels: Labels
    read: Callable[[Indices], Images]


@dataclass(frozen=True)
class Source:
    """An opened data set: its training and test pools, and the names of the classes 0 … K−1.

    `whole` marks a set that is used as it is, such as the four points of the exclusive or: `subset_size` and
    `test_size` do not apply to it.
    """

    train: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True)
class SourceEntry(Generic[C]):
    """A line of the registry of sources.

    `open(cfg, folder)` opens the set; `folder` is where data lie on disk, which embedded sources ignore.
    `fetch(folder)` downloads it, for sources that can. `fingerprint(cfg, folder)` is a digest of the content, for
    sources that read files, which the config does not determine: the same on any machine.
    """

    name: str
    config: type[C]
    summary: str
    open: Callable[[C, Path], Source]
    fetch: Callable[[Path], None] | None = None
    fingerprint: Callable[[C, Path], str] | None = None
