"""Decoding image files of any size and format that PIL reads into squares of one size.

An image is turned upright as its EXIF orientation says, laid on mid-grey where it is transparent, and converted to
colour (see `pixels`). Files of more than 8 bits a channel are refused.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomsym.data.bit_depth import bit_depth, scale_transparency
from geomsym.data.pixels import in_colour, upright
from geomsym.errors import ConfigError, DataError, UserError

if TYPE_CHECKING:
    from PIL.Image import Image

UNDECODABLE = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
"""What PIL's readers raise on files that are damaged or something else."""


@dataclass(frozen=True)
class Square:
    """How an image file becomes bytes [3, side, side]; without `resize`, other sizes are an error."""

    side: int
    resize: bool = True

    @staticmethod
    def of_file(file: Path) -> "Square":
        """The size of a square image, which other files have to share."""
        with _opened(file) as image:
            w, h = upright(image).size
        if w != h:
            raise ConfigError("data.image_size", None, f"{file} is {w}×{h}, not square: give the side to resize to")
        return Square(w, resize=False)

    def read(self, file: Path) -> NDArray[np.uint8]:
        """Decode one file, upright and in colour; raises `DataError` where that can't be done."""
        with _opened(file) as opened:
            _check_depth(opened, file)
            scale_transparency(opened)
            image = in_colour(upright(opened))
            if not self.resize:
                self._check_size(image, file)
            return np.asarray(self._resized(image)).transpose(2, 0, 1)

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


def check_named_as_images(files: Iterable[Path]) -> None:
    """Raise `DataError` for the first file without an image's suffix that isn't one, such as notes.txt.

    Only those are opened: a text among the images is found without looking into all of them.
    """
    from PIL import Image

    known = Image.registered_extensions()
    for file in files:
        if file.suffix.lower() not in known:
            with _opened(file):
                pass


@contextmanager
def _opened(file: Path) -> Iterator["Image"]:
    """An image file; what PIL raises while it is open becomes a `DataError` that names the file."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            yield image
    except UserError:
        raise
    except (*UNDECODABLE, Image.DecompressionBombError) as error:
        reason = error if str(error) else type(error).__name__
        raise DataError(f"{file}: not an image that can be decoded ({reason}); repair or remove it") from error


def _check_depth(image: "Image", file: Path) -> None:
    depth = bit_depth(image)
    if depth > 8:  # PIL would cut them off, some formats' silently
        kind = f"PIL mode {image.mode}, format {image.format}, {depth} bits"
        raise DataError(f"{file}: has more than 8 bits per channel ({kind}); convert it to 8 bits")
