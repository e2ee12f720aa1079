"""From a decoded image to its colours: upright, without transparency, in RGB.

Transparent pixels are composited on `GROUND`, mid-grey, on which black and white icons are both seen. Colour profiles
(ICC) are not applied: values are taken as sRGB, as most readers of data sets do.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

GROUND = (128, 128, 128)
"""What transparent pixels lie on, in RGB."""

ORIENTATION = 0x0112  # EXIF's tag


def upright(image: "Image") -> "Image":
    """The image turned and mirrored as its EXIF orientation, 1 … 8, says; as stored where there is none to read."""
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    image.load()  # here PIL turns TIFF files itself, and takes their orientation away
    orientation = _orientation(image)
    return image.transpose(turn[orientation]) if orientation in turn else image


def _orientation(image: "Image") -> int:
    """1 (as stored) where a camera wrote EXIF data that can't be read, which every viewer then ignores."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        return 1


def in_colour(image: "Image") -> "Image":
    """The image in RGB, its transparent pixels on `GROUND`; grey, palettes, CMYK, YCbCr, LAB and HSV are converted."""
    from PIL import Image

    if not image.has_transparency_data and image.mode not in ("La", "RGBa"):
        return image.convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, GROUND), colours).convert("RGB")
