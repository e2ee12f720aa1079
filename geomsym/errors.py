"""The errors a user can cause, and the nearest valid name to suggest in them."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


class UserError(Exception):
    """Something outside the program has to change; the message says what and how. Never a bug."""

    def __str__(self) -> str:
        """The message, in which bytes of file names that aren't UTF-8 are escaped."""
        return encodable(super().__str__())


class ConfigError(UserError, ValueError):
    """A configuration value that can't be used.

    `key` is the dotted key, `given` what it was set to, `reason` what is allowed and what to do instead.
    """

    def __init__(self, key: str, given: object, reason: str):
        super().__init__(key, given, reason)

    def __str__(self) -> str:
        key, given, reason = self.args
        return encodable(f"{key}={'null' if given is None else given}: {reason}")


class DataError(UserError):
    """Data on disk that is missing or malformed; the message names the file or folder."""


def encodable(text: str) -> str:
    r"""Text with every surrogate, such as a file name has for a byte that isn't UTF-8, written \xNN or \uNNNN.

    >>> encodable("caf\udce9.png")
    'caf\\xe9.png'
    """
    return re.sub("[\ud800-\udfff]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def nearest(name: str, options: Iterable[str]) -> str:
    """The hint «did you mean …?» with the closest option, or nothing where none is close."""
    match = get_close_matches(name, list(options), n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def unknown_name(key: str, name: str, options: Iterable[str]) -> ConfigError:
    """The error for a name outside a closed list."""
    names = sorted(options)
    return ConfigError(key, name, f"not one of {', '.join(names)}{nearest(name, names)}")


def look_up(key: str, name: str, registry: Mapping[str, T]) -> T:
    """Look `name` up in a registry, or raise a `ConfigError` that lists the names it has.

    >>> look_up("architecture", "gaap", {"fcn": 1, "gap": 2})
    Traceback (most recent call last):
    geomsym.errors.ConfigError: architecture=gaap: not one of fcn, gap; did you mean 'gap'?
    """
    if name not in registry:
        raise unknown_name(key, name, registry)
    return registry[name]
