"""What identifies a folder of images on any machine: the names and the contents of its image files."""

import hashlib
import os
from pathlib import Path

from geomsym.config import DataConfig
from geomsym.data.class_folders import PARTS, ImageFolder, read_image_folder
from geomsym.data.digests import digests, look
from geomsym.data.names import as_bytes, composed

READ_WHOLE = 2**30
"""Bytes: files of at most this total size are read whole; of larger folders, every file gives a sample."""


def image_folder(folder: Path) -> ImageFolder:
    """The files of an image folder; a command looks at them once."""
    return look(("image_folder", os.path.abspath(folder)), lambda: read_image_folder(folder))


def folder_fingerprint(cfg: DataConfig, folder: Path) -> str:
    """SHA-256 of part, class, name, size and content of all image files, in the order of their names.

    Neither the path of the folder, nor times, nor what lies beside the images enters; names are in Unicode's form NFC.
    Where the files have more than `READ_WHOLE` bytes together, a file above 16 KiB enters with four pieces of 4 KiB
    (`digests.PIECE`, `PIECES`): from its beginning, its end, and a third and two thirds of the way between.
    """
    return look(("fingerprint", os.path.abspath(folder)), lambda: _fingerprint(folder))


def _fingerprint(folder: Path) -> str:
    listing = image_folder(folder)
    files = [
        (f"{part}/".encode() + as_bytes(f"{name}/{composed(os.path.basename(file.path))}"), file)
        for part, classes in zip(PARTS, (listing.train, listing.test), strict=True)
        for name, members in classes.items()
        for file in members
    ]
    whole = sum(file.size for _, file in files) <= READ_WHOLE
    total = hashlib.sha256(b"whole" if whole else b"samples")
    for (name, file), content in zip(files, digests(str(folder), [file for _, file in files], whole), strict=True):
        total.update(name + b"\0" + str(file.size).encode() + b"\0" + content)
    return total.hexdigest()
