"""What makes a run the same run: the values of its configuration that have an effect, hashed.

Two numbers say of which version a run is. `MEANING` is part of its id, `LAYOUT` is not.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

from geomsym import data
from geomsym.config import GeometryConfig, RunConfig

MEANING = 4
"""The version of the numbers, part of every id: raise it when the same configuration gives other numbers.

A default that changes is such a case, because ids leave out what has its default.
"""

LAYOUT = 4
"""The version of files and tables, part of no id: raise it when they are written in another way."""

GROUPS: dict[str, Any] = {item.name: item.type for item in fields(RunConfig) if is_dataclass(item.type)}
"""The groups of a run's configuration, with the dataclasses that those of their options derive from."""


def canonical(cfg: RunConfig) -> RunConfig:
    """The one configuration that stands for all those of the same run: keys without effect have their defaults."""
    groups = {name: _without_idle(getattr(cfg, name)) for name in GROUPS}
    if cfg.transform.seed == cfg.seed:
        groups["transform"] = replace(groups["transform"], seed=None)
    return replace(cfg, **groups)


def described(cfg: RunConfig) -> dict[str, Any]:
    """A run as plain data: every value that has an effect, those at their defaults too.

    In place of the path `data.root` stands `fingerprint`, the digest of what lies there, for sources that read files.
    Raises `UserError` where these can't be read.
    """
    plain = _effective(cfg)
    fingerprint = data.fingerprint(cfg.data)
    return plain if fingerprint is None else plain | {"data": plain["data"] | {"fingerprint": fingerprint}}


def completed(plain: dict[str, Any]) -> dict[str, Any]:
    """What `described` gave, perhaps before some keys were there: they have their defaults.

    It is returned as it is where it doesn't describe a run of this version.
    """
    try:
        full = _effective(_read_back(plain))
    except (TypeError, ValueError, AttributeError, LookupError):
        return plain
    return {name: plain[name] | value if isinstance(value, dict) else value for name, value in full.items()}


def run_id(cfg: RunConfig) -> str:
    """Twelve hexadecimal digits that name a run: a hash of the values that have an effect and aren't the defaults.

    So a new key with a default changes no id. The same configuration on the same data is the same run on any machine.
    Raises `UserError` where data on disk can't be read.
    """
    plain = described(cfg)
    named = {name: _named(plain.pop(name), defaults(type(getattr(cfg, name)))) for name in GROUPS}
    return digest(_differing(plain, defaults(type(cfg))) | named, 12)


def scan_id(cfg: GeometryConfig) -> str:
    """Eight hexadecimal digits that name a way to measure geometry: a hash of the values that aren't the defaults."""
    return digest(_named(_plain(cfg), defaults(type(cfg))), 8)


def digest(record: dict[str, Any], digits: int) -> str:
    """The first hexadecimal digits of the SHA-256 of a record and of the version of the numbers."""
    text = json.dumps({"meaning": MEANING} | record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def defaults(kind: type) -> dict[str, Any]:
    """The defaults of a dataclass, by key; keys that must be given have none."""
    made = {item.name: item.default_factory() for item in fields(kind) if item.default_factory is not MISSING}
    return made | {item.name: item.default for item in fields(kind) if item.default is not MISSING}


def _without_idle(group: Any) -> Any:
    return replace(group, **{key: defaults(type(group))[key] for key in group.idle()})


def _effective(cfg: RunConfig) -> dict[str, Any]:
    """The values that have an effect, without the place of the data."""
    cfg = canonical(cfg)
    plain = _plain(cfg)
    for name in GROUPS:
        for key in getattr(cfg, name).idle():
            del plain[name][key]
    del plain["data"]["root"]
    return plain


def _plain(record: Any) -> dict[str, Any]:
    """A dataclass as nested plain data; a whole number in a field of floats is a float, so that 1 and 1.0 are equal."""
    return {item.name: _plain_value(getattr(record, item.name), item.type) for item in fields(record)}


def _plain_value(value: Any, kind: Any) -> Any:
    if is_dataclass(value):
        return _plain(value)
    if kind == list[float]:
        return [float(item) for item in value]
    return float(value) if isinstance(value, int) and kind in (float, float | None) else value


def _named(plain: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The name of an option, and the values in which it differs from its defaults."""
    return {"name": plain["name"]} | _differing(plain, defaults)


def _differing(plain: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plain.items() if key not in defaults or value != defaults[key]}


def _read_back(plain: Mapping[str, Any]) -> RunConfig:
    """The run that plain data describe, but for the place of its data."""
    options = {name: {k: v for k, v in plain[name].items() if k != "fingerprint"} for name in GROUPS}
    return RunConfig(**dict(plain) | {name: _dataclass_of(name, option)(**option) for name, option in options.items()})


def _dataclass_of(group: str, option: Mapping[str, Any]) -> type:
    """The dataclass of an option: for data that of its source, else the smallest of the group that has its keys."""
    if group == "data":
        return data.SOURCES[option["name"]].config
    found = [kind for kind in _kinds(GROUPS[group]) if option.keys() <= {item.name for item in fields(kind)}]
    return min(found, key=lambda kind: len(fields(kind)))


def _kinds(kind: type) -> Iterator[type]:
    """A dataclass and all that derive from it."""
    yield kind
    for derived in kind.__subclasses__():
        yield from _kinds(derived)
