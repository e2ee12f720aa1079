"""A pool of images that are already in memory."""

import numpy as np
from numpy.typing import NDArray

from geomsym.data.base import Images, Indices, LabelledImages, Labels
from geomsym.data.resize import check_resizable, resized


def in_memory(images: NDArray, labels: Labels, image_size: int | None) -> LabelledImages:
    """The pool over an array [n, c, h, w] of bytes or floats; scaled and resized when read."""
    check_resizable(images.shape, image_size)

    def read(index: Indices) -> Images:
        return resized(as_float(images[index]), image_size)

    return LabelledImages(labels, read)


def as_float(images: NDArray) -> Images:
    """Bytes 0 … 255 as float32 in [0, 1]; float32 and float64 as they are."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    return images
