"""Which arrays are images, and of which type: one rule for `data=arrays` and for `geomsym kernel`."""

import numpy as np
from numpy.typing import NDArray

from geomsym.data.array_layout import LAYOUTS, channels_first
from geomsym.errors import DataError

TYPES = (np.uint8, np.float32, np.float64)


def images(array: NDArray, name: str) -> NDArray:
    """The images [n, c, h, w] of an array, uint8, float32 or float64, all finite.

    Bytes are images 0 … 255, which `in_memory.as_float` scales to [0, 1]; floats are kept as they are, those of 16
    bits become float32, in whatever byte order and memory layout they come. Other types are refused: of an integer
    nobody knows the scale. `name` is the array's in a `DataError`.
    """
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype == np.float16:
        native = native.astype(np.float32)
    if native.dtype not in TYPES:
        remedy = "store bytes 0…255 as uint8, anything else as float32"
        raise DataError(f"{name} has the type {array.dtype}; {remedy}")
    if native.size == 0:
        raise DataError(f"{name} has shape {list(array.shape)} and no values; give at least one example")
    if native.ndim < 2:
        raise DataError(f"{name} has shape {list(array.shape)}; store it as {LAYOUTS}")
    _check_finite(native, name)
    return channels_first(native, name)


def _check_finite(array: NDArray, name: str) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        place = np.unravel_index(np.argmax(bad), array.shape)
        where = ", ".join(str(index) for index in place)
        raise DataError(f"{name}[{where}] is {array[place]}, one of {bad.sum()} such values; remove them")
