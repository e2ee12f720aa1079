"""Checks of values that every group needs; they raise a `ConfigError` under the dotted key."""

from collections.abc import Iterable
from math import isfinite

from geomsym.errors import ConfigError, unknown_name

LARGEST = 2**63 - 1
"""The largest whole number that tables hold."""


def one_of(key: str, value: str, allowed: Iterable[str]) -> None:
    """Check that a word is in a closed list."""
    if value not in allowed:
        raise unknown_name(key, value, allowed)


def at_least(key: str, value: float | None, minimum: float, or_null: str = "") -> None:
    """Check a number's lower bound; `or_null` says what null means where null is allowed."""
    if value is None and or_null:
        return
    if isinstance(value, int) and value > LARGEST:
        raise ConfigError(key, value, f"give a number of at most {LARGEST}, the largest that tables hold")
    if value is None or not isfinite(value) or value < minimum:
        null = f", or null for {or_null}" if or_null else ""
        raise ConfigError(key, value, f"give a number of at least {minimum:g}{null}")


def positive(key: str, value: float | None, or_null: str = "") -> None:
    """Check that a number is positive; `or_null` as for `at_least`."""
    if value is None and or_null:
        return
    if value is None or not isfinite(value) or value <= 0:
        null = f", or null for {or_null}" if or_null else ""
        raise ConfigError(key, value, f"give a positive number{null}")
