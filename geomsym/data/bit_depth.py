"""How many bits a channel of an image file has. PIL opens deep colour as 8 bits without a word: the headers tell."""

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from PIL.Image import Image

HEAD = 65_536
"""Bytes of a file in which its header is looked for."""

BITS_PER_SAMPLE = 258  # TIFF's tag


def bit_depth(image: "Image") -> int:
    """The bits of the deepest channel of a file that PIL has opened and not yet loaded; 8 where nothing says more."""
    of_format = BY_FORMAT.get(image.format or "", lambda image: 8)
    return max(of_format(image), _of_mode(image.mode), _of_tiles(image))


def scale_transparency(image: "Image") -> None:
    """Of a PNG file in grey of 2 or 4 bits, scale the transparent value to 8 bits, as PIL scales the pixels alone."""
    value = image.info.get("transparency")
    if image.format == "PNG" and image.mode == "L" and isinstance(value, int):
        image.info["transparency"] = value * (255 // (2 ** _of_png(image) - 1))


def _of_mode(mode: str) -> int:
    """PIL's modes of more than a byte: integers I and I;16, floats F."""
    return {"I": 32, "F": 32}.get(mode, 16 if mode.startswith("I;") else 8)


def _of_tiles(image: "Image") -> int:
    """16 where a raw mode such as «RGB;16B» says so, in which PIL describes what its decoder reads."""
    return 16 if any(";16" in str(tile[3]) for tile in getattr(image, "tile", [])) else 8


def _of_png(image: "Image") -> int:
    """IHDR: signature of 8 bytes, length and type of 8, width and height of 8, then the depth."""
    return _head(image)[24]


def _of_tiff(image: "Image") -> int:
    """The largest of BitsPerSample, one for each channel."""
    bits = image.tag_v2.get(BITS_PER_SAMPLE, (1,))  # pyright: ignore[reportAttributeAccessIssue]
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _of_netpbm(image: "Image") -> int:
    """The largest value, which PIL hands to its decoder."""
    largest = max((value for tile in image.tile for value in _numbers(tile[3])), default=255)  # pyright: ignore[reportAttributeAccessIssue]
    return int(largest).bit_length()


def _numbers(arguments: object) -> list[int]:
    return [value for value in arguments if isinstance(value, int)] if isinstance(arguments, tuple) else []


def _of_avif(image: "Image") -> int:
    """The box av1C: version, profile and level, then a byte with high_bitdepth and twelve_bit (AV1 ISOBMFF, 2.3.3)."""
    head = _head(image)
    at = head.find(b"av1C")
    flags = head[at + 6] if at >= 0 else 0
    return 12 if flags & 0x60 == 0x60 else 10 if flags & 0x40 else 8


def _of_jpeg2000(image: "Image") -> int:
    """The marker SIZ of the codestream: after 36 bytes the number of components, then their depths less one."""
    head = _head(image)
    at = head.find(b"\xff\x4f\xff\x51")
    if at < 0:
        return 8
    components = int.from_bytes(head[at + 40 : at + 42], "big")
    return max((head[at + 42 + 3 * k] & 0x7F) + 1 for k in range(components))


def _of_sgi(image: "Image") -> int:
    """Bytes a channel, the fourth byte of the header."""
    return 8 * _head(image)[3]


def _head(image: "Image") -> bytes:
    """The first bytes of the file; its position stays."""
    stream = cast(BinaryIO, image.fp)  # pyright: ignore[reportAttributeAccessIssue]
    before = stream.tell()
    stream.seek(0)
    head = stream.read(HEAD)
    stream.seek(before)
    return head


BY_FORMAT: "dict[str, Callable[[Image], int]]" = {
    "PNG": _of_png,
    "TIFF": _of_tiff,
    "PPM": _of_netpbm,
    "AVIF": _of_avif,
    "JPEG2000": _of_jpeg2000,
    "SGI": _of_sgi,
}
