"""MNIST: 60,000 training and 10,000 test images of handwritten digits, [1, 28, 28] (LeCun et al. 1998)."""

from pathlib import Path
from typing import Any

import numpy as np

from geomsym.config import DataConfig
from geomsym.data.base import LabelledImages, Source, SourceEntry
from geomsym.data.in_memory import in_memory
from geomsym.data.torchvision_sets import TorchvisionSet

RAW = tuple(f"raw/{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
FILES = TorchvisionSet("mnist", "MNIST", "MNIST", RAW)


def open_mnist(cfg: DataConfig, folder: Path) -> Source:
    """The files that torchvision keeps in folder/MNIST/raw."""
    train, test = FILES.open(folder)
    names = tuple(str(digit) for digit in range(10))
    return Source(_pool(train, cfg.image_size), _pool(test, cfg.image_size), names)


def _pool(part: Any, image_size: int | None) -> LabelledImages:
    images = part.data.numpy()[:, None]
    return in_memory(images, part.targets.numpy().astype(np.int64), image_size)


ENTRY = SourceEntry(
    "mnist",
    DataConfig,
    "handwritten digits, 60,000 + 10,000, 1×28×28",
    open_mnist,
    fetch=FILES.fetch,
    fingerprint=FILES.fingerprint,
)
