"""scikit-learn's 1,797 handwritten digits of 8×8 pixels, embedded in its wheel (UCI, Alpaydin & Kaynak 1998).

The set has no split of its own: by `data.seed`, 500 images (50 of each digit) are the test pool and the other
1,297 the training pool.
"""

import functools
from pathlib import Path

import numpy as np

from geomsym.config import DigitsConfig
from geomsym.data.base import Images, Labels, Source, SourceEntry
from geomsym.data.in_memory import in_memory
from geomsym.data.subsets import balanced_order
from geomsym.seeds import numpy_generator

TEST_POOL = 500


def open_digits(cfg: DigitsConfig, folder: Path) -> Source:
    """Images [channels, 8, 8], grey values 0 … 16 scaled to [0, 1]; nothing is read from `folder`."""
    grey, labels = _digits()
    images = np.repeat(grey, cfg.channels, axis=1)
    order = balanced_order(labels, numpy_generator(cfg.seed, "data.digits"))
    test, train = (
        in_memory(images[part], labels[part], cfg.image_size) for part in (order[:TEST_POOL], order[TEST_POOL:])
    )
    return Source(train, test, tuple(str(digit) for digit in range(10)))


@functools.cache
def _digits() -> tuple[Images, Labels]:
    from sklearn.datasets import load_digits

    pixels, labels = map(np.asarray, load_digits(return_X_y=True))
    return pixels.reshape(-1, 1, 8, 8).astype(np.float32) / 16, labels.astype(np.int64)


ENTRY = SourceEntry("digits", DigitsConfig, "handwritten digits, 1,297 + 500, 8×8, embedded", open_digits)
