"""What is remembered of digests between commands: a file in the user's cache folder for each data folder.

It only saves time. Where no such folder can be written, nothing is remembered beyond the process; a file that is
damaged is ignored and written anew; files are replaced as a whole, so that of two commands at once one's is kept.

An entry is trusted only where size, times and inode are as they were, and where the file was old enough when it was
read: one written within the resolution of its file system's times could be written again without a trace («racily
clean» in git).
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

RESOLUTION = 2_000_000_000
"""Nanoseconds: the coarsest times of a file system in use, FAT's."""

FORMAT = "geomsym digests 1"

Entry = tuple[int, int, int, int, int, str]
"""(size, modified, changed, inode, when its digest was taken, the digest in hexadecimal); times in ns."""

_remembered: dict[tuple[str, bool], Mapping[str, Entry]] = {}
"""By folder and rule, what this process knows."""


def holds(entry: Entry | None, state: Sequence[int]) -> bool:
    """Whether an entry's digest is that of a file of this state (size, modified, changed, inode)."""
    if entry is None:
        return False
    _, modified, changed, _, taken, _ = entry
    return tuple(entry[:4]) == tuple(state) and max(modified, changed) + RESOLUTION < taken


def known(root: str, whole: bool) -> Mapping[str, Entry]:
    """The entries for the files of a folder by their relative paths, of whole contents or of samples."""
    key = (os.path.realpath(root), whole)
    if key not in _remembered:
        _remembered[key] = _load(_place(*key))
    return _remembered[key]


def keep(root: str, whole: bool, entries: Mapping[str, Entry]) -> None:
    """Remember these entries in the place of those there were."""
    key = (os.path.realpath(root), whole)
    _remembered[key] = entries
    place = _place(*key)
    if place is not None:
        with suppress(OSError):
            _save(place, entries)


def cache_folder() -> Path | None:
    """The folder for what programs may forget, by the platform's convention; None for a user without a home."""
    chosen = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen) / "geomsym"
    home = Path(os.path.expanduser("~"))  # stays «~» for a user without a home
    parts = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
    return home / parts / "geomsym" if home.is_absolute() and home.is_dir() else None


def _place(root: str, whole: bool) -> Path | None:
    folder = cache_folder()
    name = hashlib.sha256(os.fsencode(root) + bytes([whole])).hexdigest()[:32]
    return None if folder is None else folder / "digests" / f"{name}.json"


def _load(place: Path | None) -> dict[str, Entry]:
    """The entries in a file; none where it isn't there, isn't whole or isn't ours."""
    if place is None:
        return {}
    try:
        head, _, text = place.read_bytes().partition(b"\n")
        if head != _head(text):
            return {}
        return {name: tuple(entry) for name, entry in json.loads(text).items()}
    except (OSError, ValueError):
        return {}


def _save(place: Path, entries: Mapping[str, Entry]) -> None:
    from geomsym.files import write_atomically  # imports pandas, which most commands can do without

    text = json.dumps(entries, separators=(",", ":")).encode()
    write_atomically(place, lambda path: path.write_bytes(_head(text) + b"\n" + text))


def _head(text: bytes) -> bytes:
    """The first line of a file: its format and a checksum of what follows."""
    return f"{FORMAT} {hashlib.sha256(text).hexdigest()}".encode()
