"""Decoding image files of any size and format that PIL reads into squares of one size."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomsym.errors import ConfigError, DataError, UserError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Square:
    """How an image file becomes bytes [3, side, side]; without `resize`, other sizes are an error."""

    side: int
    resize: bool = True

    @staticmethod
    def of_file(file: Path) -> "Square":
        """The size of a square image, which other files have to share; only the header is read."""
        with _opened(file) as image:
            w, h = image.size
        if w != h:
            raise ConfigError("data.image_size", None, f"{file} is {w}×{h}, not square: give the side to resize to")
        return Square(w, resize=False)

    def read(self, file: Path) -> NDArray[np.uint8]:
        """Decode one file, in colour; raises `DataError` where PIL can't."""
        with _opened(file) as image:
            if not self.resize:
                self._check_size(image, file)
            return np.asarray(self._resized(_in_colour(image, file))).transpose(2, 0, 1)

    def _check_size(self, image: "Image", file: Path) -> None:
        w, h = image.size
        if (w, h) != (self.side, self.side):
            reason = f"{file} is {w}×{h}, but the first image {self.side}×{self.side}: give the side to resize to"
            raise ConfigError("data.image_size", None, reason)

    def _resized(self, image: "Image") -> "Image":
        """The largest central square, reduced or enlarged with PIL's antialiased bilinear filter."""
        from PIL import Image

        w, h = image.size
        s = min(w, h)
        left, top = (w - s) // 2, (h - s) // 2
        square = image.crop((left, top, left + s, top + s))
        return square.resize((self.side, self.side), Image.Resampling.BILINEAR)


@contextmanager
def _opened(file: Path) -> Iterator["Image"]:
    """An image file; what PIL raises while it is open becomes a `DataError` that names the file."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            yield image
    except UserError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{file}: not an image that can be decoded ({error}); repair or remove it") from error


def _in_colour(image: "Image", file: Path) -> "Image":
    if image.mode.startswith(("I", "F")):  # PIL would cut their values off at 255
        raise DataError(f"{file}: has more than 8 bits per channel (PIL mode {image.mode}); convert it to 8 bits")
    return image.convert("RGB")
