"""Resizing arrays of square images."""

import numpy as np

from geomsym.data.base import Images
from geomsym.errors import ConfigError


def resized(images: Images, side: int | None) -> Images:
    """Images [k, c, s, s] as [k, c, side, side], bilinear; a smaller image averages over what it covers.

    The antialiased filter is the one PIL uses, so that arrays and image files shrink alike. `None` changes
    nothing.
    """
    if side is None or images.shape[-2:] == (side, side):
        return images
    import torch
    from torch.nn.functional import interpolate

    tensor = torch.from_numpy(np.ascontiguousarray(images))
    return interpolate(tensor, size=(side, side), mode="bilinear", antialias=True).numpy()


def check_resizable(shape: tuple[int, ...], side: int | None) -> None:
    """Refuse to resize vectors [n, p, 1, 1], which have no size, and images that are not square."""
    h, w = shape[-2:]
    if side is None or h == w == side:
        return
    if h == w == 1:
        raise ConfigError("data.image_size", side, "points and vectors have no size: leave it null")
    if h != w:
        raise ConfigError("data.image_size", side, f"images are {h}×{w}, not square: crop them first, or leave it null")
