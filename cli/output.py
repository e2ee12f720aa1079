"""What is printed, on terminals and pipes of any encoding.

Nothing that a command prints may fail after its work is done. Symbols that an encoding lacks are spelled in ASCII,
letters become escapes, and bytes of names that aren't UTF-8 are given back as they came. Names of folders are plain
text: square brackets and colons in them are no markup.
"""

import codecs
import errno
import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

SPELLED = {
    "⊗": "(x)", "±": "+-", "−": "-", "–": "-", "—": "-", "×": "x", "·": "*", "…": "...", "✓": "x", "°": "deg",
    "«": '"', "»": '"', "„": '"', "“": '"', "”": '"', "‘": "'", "’": "'", "→": "->", "≤": "<=", "≥": ">=", "≈": "~",
    "√": "sqrt", "²": "^2", "ρ": "rho", "τ": "tau", "λ": "lambda", "θ": "theta", "Θ": "Theta", "Φ": "Phi", "∂": "d",
    "━": "-", "╸": "-", "╺": "-", "•": "*", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
}  # fmt: skip
"""Symbols that the program writes, in ASCII."""

ASCII = "geomsym-ascii"
"""ASCII under another name: Typer replaces a stream of ASCII by one of UTF-8."""


def print_in_any_encoding() -> None:
    """Make standard output and error take any text, whatever their encoding."""
    codecs.register_error("geomsym", _replacement)
    codecs.register(lambda name: _ascii() if name in (ASCII, ASCII.replace("-", "_")) else None)
    for stream in (sys.stdout, sys.stderr):
        encoding = getattr(stream, "encoding", None)
        if encoding and isinstance(stream, TextIOWrapper):
            plain = codecs.lookup(encoding).name == "ascii"
            stream.reconfigure(encoding=ASCII if plain else encoding, errors="geomsym")


def is_closed_pipe(error: Exception) -> bool:
    """Whether the reader of the output has gone, as in «geomsym status | head -1»: nothing to complain about."""
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def leave_full_output() -> None:
    """Where standard output can't take what was printed, drop it, or the interpreter would complain as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def console(stderr: bool = False) -> "Console":
    """Where tables and progress are drawn; text on it is plain text."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False)


def _ascii() -> codecs.CodecInfo:
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        streamreader=known.streamreader,
        streamwriter=known.streamwriter,
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        name=ASCII,
    )


def _replacement(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for the characters that can't be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":  # a byte of a name, see PEP 383
        return bytes([ord(character) - 0xDC00]), error.start + 1
    spelled = SPELLED.get(character) or character.encode("ascii", "backslashreplace").decode()
    return spelled, error.start + 1
