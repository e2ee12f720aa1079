"""Image files as they are seen: transparency, orientation, depth and colour."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from geomsym.data.image_files import Square
from geomsym.data.pixels import in_colour, upright
from geomsym.errors import DataError

BLACK, WHITE, CLEAR, HALF = (0, 0, 0, 255), (255, 255, 255, 255), (10, 20, 30, 0), (200, 100, 0, 128)
ICON = np.array([[BLACK, WHITE], [CLEAR, HALF]], np.uint8)


def read(file, side=2):
    """The pixels [h, w, 3] of a square image file."""
    return Square(side, resize=False).read(file).transpose(1, 2, 0)


@pytest.mark.parametrize(
    ("ending", "options"), [("png", {}), ("webp", {"lossless": True, "exact": True}), ("tif", {}), ("tga", {})]
)
def test_transparent_colour_lies_on_mid_grey(tmp_path, ending, options):
    """At alpha = 128/255, colour v becomes (128·v + 127·128)/255."""
    Image.fromarray(ICON).save(tmp_path / f"a.{ending}", **options)
    expected = [[(0, 0, 0), (255, 255, 255)], [(128, 128, 128), (164, 114, 64)]]
    assert np.abs(read(tmp_path / f"a.{ending}").astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["LA", "P", "PA", "La", "RGBa"])
def test_other_modes_with_transparency(mode):
    icon = Image.fromarray(ICON)
    image = {"P": lambda: icon.quantize(4), "La": lambda: icon.convert("LA").convert("La")}.get(
        mode, lambda: icon.convert(mode)
    )()
    assert image.mode == mode
    found = np.asarray(in_colour(image))
    assert found[0].tolist() == [[0] * 3, [255] * 3]
    assert found[1, 0].tolist() == [128] * 3 or mode == "PA"  # PIL reduces alpha to that of a palette's colour


def test_a_black_icon_and_a_white_one_are_both_seen(tmp_path):
    for value in (0, 255):
        icon = np.full((4, 4, 4), value, np.uint8)
        icon[..., 3] = 0
        icon[2:, :, 3] = 255
        Image.fromarray(icon).save(tmp_path / "icon.png")
        assert read(tmp_path / "icon.png", 4).std() > 60


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(depth, colour_type, rows, transparent=None):
    """A PNG file of 2×2 pixels, from the bytes of its rows and a transparent value."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, depth, colour_type, 0, 0, 0))
    extra = b"" if transparent is None else chunk(b"tRNS", transparent)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "colour_type", "rows", "transparent", "expected"),
    [
        (8, 0, [b"\x00\xff", b"\x07\x08"], ">H", [[0, 255], [128, 8]]),
        (4, 0, [b"\x0f", b"\x78"], ">H", [[0, 255], [128, 136]]),
        (2, 0, [b"\x30", b"\xd0"], ">H", [[0, 128], [128, 85]]),
        (1, 0, [b"\x40", b"\x80"], ">H", [[0, 128], [128, 0]]),
        (8, 2, [bytes(3) + b"\xff" * 3, b"\7" * 3 + b"\10" * 3], ">HHH", [[0, 255], [128, 8]]),
    ],
)
def test_a_transparent_value_is_scaled_as_the_pixels_are(tmp_path, depth, colour_type, rows, transparent, expected):
    value = 7 if depth > 2 else 2**depth - 1
    (tmp_path / "a.png").write_bytes(
        png(depth, colour_type, rows, struct.pack(transparent, *[value] * (len(transparent) - 1)))
    )
    assert read(tmp_path / "a.png")[..., 0].tolist() == expected


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: np.rot90,
}
"""The image that is meant, from the pixels as stored, for each value of EXIF's orientation."""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("png", {}), ("jpg", {"quality": 100}), ("webp", {"lossless": True}), ("tif", {}),
        ("tif", {"compression": "tiff_lzw"}),
    ],
)  # fmt: skip
def test_images_are_turned_upright(tmp_path, orientation, ending, options):
    stored = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).convert("RGB").save(tmp_path / f"a.{ending}", exif=exif, **options)
    with Image.open(tmp_path / f"a.{ending}") as image:
        found = np.asarray(in_colour(upright(image)))[..., 0].astype(int)
    expected = TURNED[orientation](stored.astype(int))
    assert found.shape == expected.shape and np.abs(found - expected).max() < 10


def test_the_size_in_a_message_is_that_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif)
    with pytest.raises(ValueError, match=r"a\.jpg is 6×8, not square"):
        Square.of_file(tmp_path / "a.jpg")


def test_orientation_that_cannot_be_read_leaves_an_image_as_it_is(tmp_path):
    Image.new("RGB", (2, 2), "red").save(tmp_path / "a.jpg", exif=b"Exif\0\0no EXIF at all")
    assert read(tmp_path / "a.jpg")[0, 0, 0] > 250


DEEP = {
    "grey.png": png(16, 0, [bytes(4)] * 2),
    "colour.png": png(16, 2, [bytes(12)] * 2),
    "grey_alpha.png": png(16, 4, [bytes(8)] * 2),
    "alpha.png": png(16, 6, [bytes(16)] * 2),
    "colour.ppm": b"P6\n2 2\n65535\n" + bytes(24),
    "ten_bits.ppm": b"P6\n2 2\n1023\n" + bytes(24),
    "text.ppm": b"P3\n2 2\n1023\n" + b"1 2 3 " * 4,
    "grey.pgm": b"P5\n2 2\n1023\n" + bytes(8),
    "float.pfm": b"Pf\n2 2\n-1.0\n" + bytes(16),
}


@pytest.mark.parametrize("name", DEEP)
def test_more_than_eight_bits_are_refused_whatever_the_channels(tmp_path, name):
    (tmp_path / name).write_bytes(DEEP[name])
    with pytest.raises(DataError, match=rf"{name}: has more than 8 bits per channel .*convert it to 8 bits"):
        read(tmp_path / name)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [3, 4])
def test_deep_tiff_and_sgi_files_are_refused(tmp_path, channels, compression):
    tifffile = pytest.importorskip("tifffile")
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    deep = np.zeros((2, 2, channels), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", compression=compression, **extra)
    Image.new("RGB", (2, 2)).save(tmp_path / "a.sgi", bpc=2)
    for name in ("a.tif", "a.sgi"):
        with pytest.raises(DataError, match="has more than 8 bits per channel"):
            read(tmp_path / name)


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "CMYK"), ("a.tif", "CMYK"), ("b.jpg", "YCbCr"), ("a.png", "1")])
def test_colour_spaces_come_out_as_they_went_in(tmp_path, name, mode):
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    if mode == "1":
        colours = np.repeat(np.array([[[0], [255]], [[255], [0]]], np.uint8), 3, axis=2)
    large = Image.fromarray(colours).resize((32, 32), Image.Resampling.NEAREST)
    large.convert(mode).save(tmp_path / name)
    assert np.abs(read(tmp_path / name, 32)[4::24, 4::24].astype(int) - colours).max() < 5
