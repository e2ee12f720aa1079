"""A folder of image files: root/train/CLASS/* and root/test/CLASS/*, of any size and format that PIL reads.

Classes are numbered by the sorted names of their folders (Unicode's form NFC). What counts as an image file says
`class_folders`. Only chosen images are decoded.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomsym.config import DataConfig
from geomsym.data.base import Images, Indices, LabelledImages, Source, SourceEntry
from geomsym.data.class_folders import ClassFiles
from geomsym.data.digests import FileState
from geomsym.data.folder_digest import folder_fingerprint, image_folder
from geomsym.data.image_files import Square, check_named_as_images
from geomsym.data.in_memory import as_float
from geomsym.errors import DataError


def open_image_folder(cfg: DataConfig, folder: Path) -> Source:
    """Images [3, side, side] in [0, 1], in colour: the largest central square, resized to `data.image_size`.

    Without an `image_size`, all images must be squares of one size.
    """
    listing = image_folder(folder)
    every = chain.from_iterable((*listing.train.values(), *listing.test.values()))
    check_named_as_images(Path(file.path) for file in every)
    first = next(iter(listing.train.values()))[0]
    square = Square.of_file(Path(first.path)) if cfg.image_size is None else Square(cfg.image_size)
    return Source(_pool(listing.train, square), _pool(listing.test, square), listing.class_names)


def _pool(classes: ClassFiles, square: Square) -> LabelledImages:
    files = [file for members in classes.values() for file in members]
    labels = np.repeat(np.arange(len(classes)), [len(members) for members in classes.values()])

    def decoded(file: FileState) -> NDArray[np.uint8]:
        pixels = square.read(Path(file.path))
        if FileState.now(file.path)[1:3] != file[1:3]:  # it isn't what the run's id says
            raise DataError(f"{file.path}: was written while this command ran; repeat the command")
        return pixels

    def read(index: Indices) -> Images:
        pixels = np.empty((len(index), 3, square.side, square.side), np.uint8)
        with ThreadPoolExecutor() as threads:  # decoding leaves Python's lock
            for row, image in enumerate(threads.map(decoded, (files[i] for i in index))):
                pixels[row] = image
        return as_float(pixels)

    return LabelledImages(labels, read)


ENTRY = SourceEntry(
    "image_folder",
    DataConfig,
    "your image files, FOLDER/train/CLASS/* and FOLDER/test/CLASS/*",
    open_image_folder,
    fingerprint=folder_fingerprint,
)
