"""Which files a folder of images holds: root/train/CLASS/* and root/test/CLASS/*, in the same order on every machine.

Hidden files and folders, and what operating systems leave (`names.CLUTTER`), are skipped wherever they stand; so are
files beside the class folders. In a class folder every other entry must be a file that isn't empty: a nested folder,
a broken link, a pipe is an error that names it, since its images would be missing without a word.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geomsym.data.digests import FileState
from geomsym.data.names import composed, displayed, is_clutter
from geomsym.errors import DataError

PARTS = ("train", "test")
LAYOUT = "an image folder is FOLDER/train/CLASS/* and FOLDER/test/CLASS/*, named by data.root=FOLDER"

ClassFiles = dict[str, list[FileState]]
"""The files of each class: class names (NFC) and files sorted by name."""


@dataclass(frozen=True)
class ImageFolder:
    """The files of both parts of an image folder, which have the same classes."""

    train: ClassFiles
    test: ClassFiles

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the classes 0 … K−1, printable."""
        return tuple(map(displayed, self.train))


def read_image_folder(folder: Path) -> ImageFolder:
    """Walk an image folder once; raises `DataError` where it isn't laid out as one."""
    train, test = (_class_files(folder / part) for part in PARTS)
    for part, missing in zip(PARTS, (set(test) - set(train), set(train) - set(test)), strict=True):
        if missing:
            names = ", ".join(f"class '{displayed(name)}'" for name in sorted(missing))
            raise DataError(f"{folder / part}: has no folder for {names}; train and test need the same classes")
    return ImageFolder(train, test)


def _class_files(root: Path) -> ClassFiles:
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; {LAYOUT}, --data-root FOLDER or the variable GEOMSYM_DATA")
    classes: dict[str, Path] = {}
    for entry, status in _entries(root):
        if not stat.S_ISDIR(status.st_mode):
            continue
        if composed(entry.name) in classes:
            two = f"{classes[composed(entry.name)]} and {entry.path}"
            raise DataError(f"{two}: one name in two Unicode forms (NFC, NFD); merge the folders")
        classes[composed(entry.name)] = Path(entry.path)
    if not classes:
        raise DataError(f"{root}: has no class folders; {LAYOUT}")
    return {name: _images(classes[name]) for name in sorted(classes)}


def _images(class_folder: Path) -> list[FileState]:
    files = [_image(entry, status) for entry, status in _entries(class_folder)]
    if not files:
        raise DataError(f"{class_folder}: has no image files; add some, or remove the class from train and test")
    return sorted(files, key=lambda file: (composed(os.path.basename(file.path)), file.path))


def _image(entry: os.DirEntry[str], status: os.stat_result) -> FileState:
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{entry.path}: a folder in a class folder; move its images up into the class, or remove it")
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{entry.path}: neither a file nor a link to one (a pipe, socket or device); remove it")
    if status.st_size == 0:
        raise DataError(f"{entry.path}: the file is empty; copy it again, or remove it")
    return FileState.of(entry.path, status)


def _entries(folder: Path) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """The entries of a folder that aren't clutter, with the status of what they are or link to."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_clutter(entry.name):
                    yield entry, _status(entry)
    except OSError as error:
        raise DataError(f"{folder}: can't be read ({error.strerror}); change its permissions") from error


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError as error:
        if entry.is_symlink():
            target = f"a link to {os.readlink(entry.path)}, which can't be followed ({error.strerror})"
            raise DataError(f"{entry.path}: {target}; mend or remove it") from error
        raise DataError(f"{entry.path}: can't be looked at ({error.strerror}); mend or remove it") from error
