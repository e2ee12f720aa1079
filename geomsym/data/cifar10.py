"""CIFAR-10: 50,000 training and 10,000 test photographs in ten classes, [3, 32, 32] (Krizhevsky 2009)."""

from pathlib import Path
from typing import Any

import numpy as np

from geomsym.config import DataConfig
from geomsym.data.base import LabelledImages, Source, SourceEntry
from geomsym.data.in_memory import in_memory
from geomsym.data.torchvision_sets import TorchvisionSet

BATCHES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta")
FILES = TorchvisionSet("cifar10", "CIFAR10", "cifar-10-batches-py", BATCHES)


def open_cifar10(cfg: DataConfig, folder: Path) -> Source:
    """The files that torchvision keeps in folder/cifar-10-batches-py."""
    train, test = FILES.open(folder)
    return Source(_pool(train, cfg.image_size), _pool(test, cfg.image_size), tuple(train.classes))


def _pool(part: Any, image_size: int | None) -> LabelledImages:
    images = part.data.transpose(0, 3, 1, 2)  # torchvision keeps channels last
    return in_memory(images, np.asarray(part.targets, np.int64), image_size)


ENTRY = SourceEntry(
    "cifar10",
    DataConfig,
    "small photographs, 50,000 + 10,000, 3×32×32",
    open_cifar10,
    fetch=FILES.fetch,
    fingerprint=FILES.fingerprint,
)
