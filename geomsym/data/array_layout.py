"""Which axis of a stored array is which: any accepted layout to [n, c, h, w]."""

from numpy.typing import NDArray

from geomsym.errors import DataError

COLOURS = (1, 3)  # the numbers of channels by which a channel axis is recognised
LAYOUTS = "[n, h, w], [n, h, w, c] or [n, c, h, w] with c = 1 or 3, or vectors [n, p]"


def channels_first(images: NDArray, name: str) -> NDArray:
    """Grey images [n, h, w], images [n, h, w, c] or [n, c, h, w], or vectors [n, p], as [n, c, h, w].

    The channel axis of four is the one of size 1 or 3; where both or neither could be it, a `DataError` asks
    for a clearer layout instead of guessing. So it does for three axes that end in 1 or 3, which look like one
    image [h, w, c]. [n, p, 1, 1] is already the layout of vectors. `name` is the array's, for errors.
    """
    if images.ndim == 2:
        return images[:, :, None, None]
    if images.ndim == 3:
        return _grey(images, name)
    if images.ndim != 4:
        raise DataError(f"{name} has shape {list(images.shape)}; store it as {LAYOUTS}")
    return _from_four_axes(images, name)


def _grey(images: NDArray, name: str) -> NDArray:
    *_, last = images.shape
    if last in COLOURS:
        remedy = "of one image [h, w, c] give x[None]; signals are [n, 1, p] or vectors [n, p]"
        raise DataError(f"{name} has shape {list(images.shape)}: one image, or images {last} wide? {remedy}")
    return images[:, None]


def _from_four_axes(images: NDArray, name: str) -> NDArray:
    _, second, third, last = images.shape
    if third == last == 1:
        return images
    first_fits, last_fits = second in COLOURS, last in COLOURS
    if first_fits and not last_fits:
        return images
    if last_fits and not first_fits:
        return images.transpose(0, 3, 1, 2)
    problem = "either could be channels" if first_fits else "neither has the 1 or 3 channels of an image"
    raise DataError(f"{name} has shape {list(images.shape)}: of axes 1 and 3, {problem}; store it as {LAYOUTS}")


def described(images: NDArray, name: str, stored: tuple[int, ...]) -> str:
    """How an array was read: «x1: 3 images of 3×8×8 (c, h, w), read from [3, 8, 8, 3]»."""
    n, c, h, w = images.shape
    kind = f"{n} vectors of {c}" if h == w == 1 else f"{n} images of {c}×{h}×{w} (c, h, w)"
    return f"{name}: {kind}, read from {list(stored)}"
