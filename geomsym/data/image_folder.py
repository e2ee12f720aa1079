"""A folder of image files: root/train/CLASS/* and root/test/CLASS/*, of any size and format that PIL reads.

Classes are numbered by the sorted names of their folders. Every file of a class folder is an image, except
those whose name begins with a dot; what else lies beside the class folders is ignored. Only chosen images are
decoded.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from geomsym.config import DataConfig
from geomsym.data.base import Images, Indices, LabelledImages, Source, SourceEntry
from geomsym.data.image_files import Square
from geomsym.data.in_memory import as_float
from geomsym.errors import DataError

PARTS = ("train", "test")
LAYOUT = "an image folder is FOLDER/train/CLASS/* and FOLDER/test/CLASS/*, named by data.root=FOLDER"

ClassFiles = dict[str, list[Path]]  # class name -> image files, both sorted by name


def open_image_folder(cfg: DataConfig, folder: Path) -> Source:
    """Images [3, side, side] in [0, 1], in colour: the largest central square, resized to `data.image_size`.

    Without an `image_size`, all images must be squares of one size.
    """
    train, test = (class_files(folder, part) for part in PARTS)
    _check_same_classes(folder, set(train), set(test))
    first = next(iter(train.values()))[0]
    square = Square.of_file(first) if cfg.image_size is None else Square(cfg.image_size)
    return Source(_pool(train, square), _pool(test, square), tuple(train))


def folder_fingerprint(cfg: DataConfig, folder: Path) -> str:
    """SHA-256 of the relative paths and sizes of all image files; the path of the folder does not enter."""
    digest = hashlib.sha256()
    for file in (file for part in PARTS for files in class_files(folder, part).values() for file in files):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
    return digest.hexdigest()


def class_files(folder: Path, part: str) -> ClassFiles:
    """The image files of each class in folder/part; raises `DataError` where there are none."""
    root = folder / part
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; {LAYOUT}, --data-root FOLDER or the variable GEOMSYM_DATA")
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise DataError(f"{root}: has no class folders; {LAYOUT}")
    return {path.name: _images(path) for path in classes}


def _images(class_folder: Path) -> list[Path]:
    files = sorted(path for path in class_folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise DataError(f"{class_folder}: has no image files; add some, or remove the class from train and test")
    return files


def _pool(classes: ClassFiles, square: Square) -> LabelledImages:
    paths = [file for files in classes.values() for file in files]
    labels = np.repeat(np.arange(len(classes)), [len(files) for files in classes.values()])

    def read(index: Indices) -> Images:
        pixels = np.empty((len(index), 3, square.side, square.side), np.uint8)
        with ThreadPoolExecutor() as threads:  # decoding leaves Python's lock
            for row, image in enumerate(threads.map(square.read, (paths[i] for i in index))):
                pixels[row] = image
        return as_float(pixels)

    return LabelledImages(labels, read)


def _check_same_classes(folder: Path, train: set[str], test: set[str]) -> None:
    for part, missing in zip(PARTS, (test - train, train - test), strict=True):
        if missing:
            names = ", ".join(f"class '{name}'" for name in sorted(missing))
            raise DataError(f"{folder / part}: has no folder for {names}; train and test need the same classes")


ENTRY = SourceEntry(
    "image_folder",
    DataConfig,
    "your image files, FOLDER/train/CLASS/* and FOLDER/test/CLASS/*",
    open_image_folder,
    fingerprint=folder_fingerprint,
)
