"""Files that are either whole or absent."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomsym.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it, and move it into place.

    A crash at any moment leaves the old file or the new one. The temporary name starts with a dot and keeps the suffix,
    from which some writers tell the format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
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


def require_writable(path: Path) -> None:
    """Raise a `DataError` where `path` couldn't be written, before time is spent on what it is to hold."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise DataError(f"{path}: nothing can be written there ({error.strerror}); give another place") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; surrogates, which have none, are escaped as JSON and Python read them."""
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8", errors="backslashreplace"))


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record as JSON; nan is refused, since JSON has none."""
    write_text(path, json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index; numbers are written so that they read back unchanged."""
    write_atomically(path, lambda file: table.to_csv(file, index=False))
