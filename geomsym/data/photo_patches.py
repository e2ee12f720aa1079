"""Small patches of ten colour photographs that ship inside scikit-image and scikit-learn: no download.

The class of a patch is the photograph it was cut from. Training patches lie in the left 60 % of a
photograph's width and test patches in the right 40 %, so that they share no pixel. Blank patches are left
out; every other is normalised, so that texture rather than palette decides.
"""

import functools
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomsym.config import PhotoPatchesConfig
from geomsym.data.base import Images, Indices, LabelledImages, Source, SourceEntry
from geomsym.errors import ConfigError, DataError
from geomsym.seeds import numpy_generator

# Read as files: skimage.data's own functions would download where a file differs.
PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "hubble_deep_field": ("skimage", "data/hubble_deep_field.jpg"),
    "immunohistochemistry": ("skimage", "data/ihc.png"),
    "retina": ("skimage", "data/retina.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "stereo_motorcycle": ("skimage", "data/motorcycle_left.png"),
}
TRAIN_POOL = 5_000  # patches of each photograph
TEST_POOL = 1_000
ROUND = 500  # places drawn at a time
SMALLEST_CONTRAST = 0.001  # a quarter of a grey level: less is the rounding of bytes, not texture


def open_photo_patches(cfg: PhotoPatchesConfig, folder: Path) -> Source:
    """Patches [3, image_size, image_size] at places drawn from `data.seed`; `folder` is not read."""
    if cfg.crop_size > _largest_crop():
        reason = f"the smallest photograph has room for {_largest_crop()}"
        raise ConfigError("data.crop_size", cfg.crop_size, reason)
    train = _pool(cfg, "train", TRAIN_POOL)
    return Source(train, _pool(cfg, "test", TEST_POOL), tuple(PHOTOGRAPHS))


@functools.cache
def photograph(name: str) -> NDArray[np.uint8]:
    """A photograph [3, h, w], decoded once in a process."""
    from PIL import Image

    package, path = PHOTOGRAPHS[name]
    file = files(package).joinpath(path)
    try:
        with file.open("rb") as stream, Image.open(stream) as image:
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except OSError as error:
        raise DataError(f"{file}: can't be read ({error}); reinstall {package}, whose wheel contains it") from error


def corners(shape: tuple[int, ...], crop: int, part: str, size: int, generator: np.random.Generator) -> Indices:
    """Upper left corners (row, column) [size, 2] of crops inside one part of a photograph [3, h, w].

    Crops of the part «train» use the columns up to 60 % of the width, those of «test» the columns from 60 %
    on.
    """
    _, h, w = shape
    first, end = (0, 3 * w // 5) if part == "train" else (-(-3 * w // 5), w)
    return generator.integers((0, first), (h - crop, end - crop), (size, 2), endpoint=True)


def normalized(patches: Images) -> Images:
    """(x − m)/s for every patch [c, h, w] of [k, c, h, w] that is not blank.

    m [c] is the patch's mean colour, s the root mean square of x − m over channels and positions, so that a
    patch ends with mean 0 in every channel and variance 1 over all.
    """
    return (patches - patches.mean((2, 3), keepdims=True)) / contrasts(patches)[:, None, None, None]


def _pool(cfg: PhotoPatchesConfig, part: str, size: int) -> LabelledImages:
    side = cfg.crop_size if cfg.image_size is None else cfg.image_size
    labels = np.repeat(np.arange(len(PHOTOGRAPHS)), size)
    spots = np.concatenate([places(name, part, size, cfg.crop_size, side, cfg.seed) for name in PHOTOGRAPHS])

    def read(index: Indices) -> Images:
        patches = np.empty((len(index), 3, side, side))
        for label, name in enumerate(PHOTOGRAPHS):
            of_class = labels[index] == label
            patches[of_class] = averaged_crops(name, spots[index[of_class]], cfg.crop_size, side)
        return normalized(patches).astype(np.float32)

    return LabelledImages(labels, read)


@functools.cache
def places(name: str, part: str, size: int, crop: int, side: int, seed: int) -> Indices:
    """Corners [size, 2] of random crops of one photograph that are not blank.

    A ninth of the retina is black margin: patches without contrast would be equal images in different
    classes, which no predictor can fit and which make kernel matrices singular.
    """
    generator = numpy_generator(seed, f"data.photo_patches.{part}.{name}")
    kept = np.empty((0, 2), np.int64)
    while len(kept) < size:
        drawn = corners(photograph(name).shape, crop, part, ROUND, generator)
        textured = contrasts(averaged_crops(name, drawn, crop, side)) > SMALLEST_CONTRAST
        if not textured.any():
            raise ConfigError("data.crop_size", crop, f"averaged to {side}×{side}, patches of {name} are blank")
        kept = np.concatenate([kept, drawn[textured]])
    return kept[:size]


def contrasts(patches: Images) -> Images:
    """The root mean square deviation [k] of patches [k, c, h, w] from their mean colour."""
    centred = patches - patches.mean((2, 3), keepdims=True)
    return np.sqrt((centred**2).mean((1, 2, 3)))


def averaged_crops(name: str, spots: Indices, crop: int, side: int) -> Images:
    """Crops of a photograph at (row, column) spots [k, 2], block means: [k, 3, side, side] in [0, 1].

    From the photograph's summed-area table, whatever the size of the crops.
    """
    edges = np.arange(side + 1) * (crop // side)
    rows, columns = spots[:, 0, None] + edges, spots[:, 1, None] + edges
    sums = _summed_area(name)[:, rows[:, :, None], columns[:, None, :]]
    blocks = np.diff(np.diff(sums, axis=2), axis=3).transpose(1, 0, 2, 3)
    return blocks / (255 * (crop // side) ** 2)


@functools.cache
def _summed_area(name: str) -> NDArray[np.int64]:
    """Sums [3, h + 1, w + 1] of a photograph over the rows above and the columns to the left."""
    return np.pad(photograph(name).astype(np.int64).cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))


def _largest_crop() -> int:
    shapes = [photograph(name).shape for name in PHOTOGRAPHS]
    return min(min(h, 3 * w // 5, w - -(-3 * w // 5)) for _, h, w in shapes)


ENTRY = SourceEntry(
    "photo_patches",
    PhotoPatchesConfig,
    "texture of ten photographs, 50,000 + 10,000, embedded",
    open_photo_patches,
)
