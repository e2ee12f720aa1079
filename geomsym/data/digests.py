"""Digests of files' contents, which identify a user's data on any machine.

`digests` reads every file once: it remembers what it found, in this process and in the user's cache folder, and reads a
file again only where its size or times changed. `looked_at_once` spares a command that asks often even the look at the
files.
"""

import hashlib
import os
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, TypeVar, cast

from geomsym.data import digest_cache
from geomsym.errors import DataError

T = TypeVar("T")

PIECE, PIECES = 4096, 4
"""Of a sample: the bytes of a piece, and how many there are, the first at the file's beginning, the last at its end."""

AT_ONCE = 4096
"""Files that are handed to threads together."""


class FileState(NamedTuple):
    """A file as a look at it finds it: its path, its size, and what tells whether it was written since.

    `modified` and `changed` are the times of its content and of its status in ns; the second can't be set back.
    """

    path: str
    size: int
    modified: int
    changed: int
    inode: int

    @staticmethod
    def of(path: str, status: os.stat_result) -> "FileState":
        """The state that a status describes."""
        return FileState(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @staticmethod
    def now(path: str) -> "FileState":
        """The state of a file at this moment."""
        return FileState.of(path, os.stat(path))


def digests(root: str, files: Sequence[FileState], whole: bool = True) -> list[bytes]:
    """The SHA-256 of each file under `root`: of all its bytes, or of a sample of `PIECES` pieces.

    `root` is the folder that all paths begin with, or a single file. Raises `DataError` where a file can't be read.
    """
    taken = time.time_ns()
    known = digest_cache.known(root, whole)
    names = [file.path.removeprefix(root) for file in files]
    old = [known.get(name) for name in names]
    new = [file for file, entry in zip(files, old, strict=True) if not digest_cache.holds(entry, file[1:])]
    read = dict(zip(new, _read(new, whole), strict=True))
    entries = {
        name: cast(digest_cache.Entry, (*file[1:], taken, read[file].hex())) if file in read else known[name]
        for name, file in zip(names, files, strict=True)
    }
    if read or len(entries) < len(known):
        digest_cache.keep(root, whole, entries)
    return [bytes.fromhex(entries[name][-1]) for name in names]


def _read(files: Sequence[FileState], whole: bool) -> Iterator[bytes]:
    with ThreadPoolExecutor() as threads:  # reading and hashing leave Python's lock
        for begin in range(0, len(files), AT_ONCE):
            yield from threads.map(lambda file: _digest(file, whole), files[begin : begin + AT_ONCE])


def _digest(file: FileState, whole: bool) -> bytes:
    try:
        with open(file.path, "rb") as stream:
            if whole or file.size <= PIECE * PIECES:
                return hashlib.file_digest(stream, "sha256").digest()
            return _sample(stream, file.size)
    except OSError as error:
        raise DataError(
            f"{file.path}: can't be read ({error.strerror}); change its permissions, or remove it"
        ) from error


def _sample(stream: BinaryIO, size: int) -> bytes:
    digest = hashlib.sha256()
    for piece in range(PIECES):
        stream.seek((size - PIECE) * piece // (PIECES - 1))
        digest.update(stream.read(PIECE))
    return digest.digest()


_looks: dict[Hashable, object] | None = None
"""What was looked at so far, inside `looked_at_once`."""


def file_digest(path: str) -> bytes:
    """The SHA-256 of one file's content; raises `OSError` where it isn't there, `DataError` where it can't be read."""
    return digests(path, [FileState.now(path)])[0]


@contextmanager
def looked_at_once() -> Iterator[None]:
    """Inside, `look` looks at the same thing once: for a command, which takes the user's data to stay as they are."""
    global _looks
    outer, _looks = _looks, {} if _looks is None else _looks
    try:
        yield
    finally:
        _looks = outer


def look(what: Hashable, at: Callable[[], T]) -> T:
    """The result of `at()`; inside `looked_at_once`, the one that there is already for `what`."""
    if _looks is None:
        return at()
    if what not in _looks:
        _looks[what] = at()
    return cast(T, _looks[what])
