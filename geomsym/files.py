"""Files that are either whole or absent, always in UTF-8."""

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomsym.errors import DataError
from geomsym.system_errors import explanation

if TYPE_CHECKING:
    import pandas as pd

BLOCK = b"\0" * 4096
"""What is written to find out whether anything can be."""


def expanded(path: str | Path) -> Path:
    """The path with a leading ~ or ~user replaced by that user's home; raises `DataError` where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        user = Path(path).parts[0]
        remedy = "set HOME to an absolute path, or write the whole path" if user == "~" else "write the whole path"
        raise DataError(f"{path}: {user} has no home folder here; {remedy}, or ./{user}") from error


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it, and move it into place.

    A crash at any moment leaves the old file or the new one. The temporary name starts with a dot and keeps the suffix,
    from which some writers tell the format. An error leaves neither a part of the file nor a new folder, and an
    `OSError` names `path`.
    """
    with _naming(path), new_folders(path.parent):
        # a part of the name: the whole of it and what is added might be longer than names may be
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:32]}-", suffix=path.suffix[-16:], dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folders(folder: Path) -> Iterator[None]:
    """Make a folder for the block; an error in it takes away again those that were made and are empty."""
    made = list(takewhile(lambda place: not place.exists(), (folder, *folder.parents)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in made:
            with suppress(OSError):
                place.rmdir()
        raise


def require_writable(path: Path) -> None:
    """Raise a `DataError` where the file `path` couldn't be written, before time is spent on what it is to hold.

    Makes no folder: what is tried is the nearest one above it that there is.
    """
    try:
        _try_writing(path)
    except OSError as error:
        raise DataError(f"nothing can be written to {path}. {explanation(error)}") from error


def require_writable_folder(folder: Path) -> None:
    """Raise a `DataError` where no file could be written into a folder, be it there or yet to be made."""
    try:
        _try_writing(folder / "x")
    except OSError as error:
        raise DataError(f"nothing can be written to {folder}. {explanation(error)}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; surrogates, which have none, are escaped as JSON and Python read them."""
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8", errors="backslashreplace"))


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record as JSON; nan is refused, since JSON has none."""
    write_text(path, json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index; numbers are written so that they read back unchanged."""
    write_atomically(path, lambda file: table.to_csv(file, index=False, encoding="utf-8", errors="backslashreplace"))


def _try_writing(path: Path) -> None:
    folder = _nearest(path.parent)
    for part in path.relative_to(folder).parts:
        with suppress(FileNotFoundError):
            os.lstat(folder / part)  # refuses a name that is too long
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with _naming(folder), tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(BLOCK)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is; raises `OSError` where something else is in its place."""
    place = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if place.is_symlink() and not place.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{place} -> {place.readlink()}")
    if not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
    return place


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an `OSError` in the block name `path`, in place of no file or of a temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
