"""Names of files and folders: the same on every machine, and printable.

A name on disk is bytes on Linux, and on macOS one of several ways to write the same characters. Here it becomes text
in Unicode's composed form NFC, whatever the locale, so that «é» copied between machines stays one class; bytes that
aren't UTF-8 stand in it as Python's surrogates.
"""

import os
import unicodedata

CLUTTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"})
"""What Windows, macOS and storage devices leave in folders of pictures, in small letters."""


def is_clutter(name: str) -> bool:
    """Whether a file or folder is hidden (its name begins with a dot), or left by an operating system."""
    return name.startswith(".") or name.lower() in CLUTTER


def composed(name: str) -> str:
    """A name on disk as text in NFC, read as UTF-8 in any locale; other bytes become surrogates."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "surrogateescape"))


def as_bytes(name: str) -> bytes:
    """The UTF-8 of a composed name, with the bytes that it had where those weren't UTF-8."""
    return name.encode("utf-8", "surrogateescape")


def displayed(name: str) -> str:
    r"""A composed name as one line of printable text, another for every name.

    Bytes that aren't UTF-8 are written \xNN, what can't be printed (a line break, say) as in Python, and a backslash
    twice.

    >>> displayed("caf\udce9 [1]"), displayed("two\nlines"), displayed("a\\b")
    ('caf\\xe9 [1]', 'two\\nlines', 'a\\\\b')
    """
    return "".join(_displayed(character) for character in name)


def _displayed(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isprintable() and character != "\\":
        return character
    return character.encode("unicode_escape").decode()
