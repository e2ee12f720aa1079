"""Paths and names on the command line: ~ is the home folder, a folder is no file, a name is no path."""

import os
from collections.abc import Callable
from pathlib import Path

from geomsym.errors import UserError
from geomsym.files import expanded

LONGEST = 200
"""Bytes of a name; file systems allow 255, some encrypted ones less."""

SEPARATORS = ("/", "\\")


def folder(flag: str) -> Callable[[str], Path]:
    """How the value of a flag is read as a folder, which there may be or not."""

    def read(given: str) -> Path:
        path = _path(flag, given)
        if path.exists() and not path.is_dir():
            raise UserError(f"{flag} {path}: a file, and a folder is wanted; give another name")
        return path

    return read


def file(flag: str) -> Callable[[str], Path]:
    """How the value of a flag is read as a file, which there may be or not."""

    def read(given: str) -> Path:
        path = _path(flag, given)
        if path.is_dir():
            raise UserError(f"{flag} {path}: a folder, and a file is wanted; give another name")
        return path

    return read


def name(flag: str) -> Callable[[str], str]:
    """How the value of a flag is read as the name of a folder beside others."""

    def read(given: str) -> str:
        reason = _no_name(given)
        if reason:
            shown = given if len(given) < 80 else f"{given[:60]}…"
            raise UserError(
                f"{flag} {shown!r}: {reason}; give a name such as widths_2, and the folder above it as --out"
            )
        return given

    return read


def _path(flag: str, given: str) -> Path:
    if not os.fspath(given) or "\0" in os.fspath(given):
        raise UserError(f"{flag} {given!r}: no path; give one such as ~/results")
    return expanded(given)


def _no_name(given: str) -> str | None:
    """Why a word can't be the name of a folder, if it can't."""
    if not given.strip():
        return "empty"
    if any(mark in given for mark in SEPARATORS):
        return "a path, not a name"
    if given[0] in ".-~":
        return f"begins with {given[0]}"
    if any(ord(character) < 32 or ord(character) == 127 for character in given):
        return "has characters that can't be written"
    if len(os.fsencode(given)) > LONGEST:
        return f"longer than {LONGEST} bytes"
    return None
