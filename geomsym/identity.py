"""What makes a run the same run: its canonical configuration, hashed."""

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from geomsym import data
from geomsym.config import RunConfig

SCHEMA_VERSION = 3
"""The version of the run folder's layout and columns; part of every run id."""


def canonical(cfg: RunConfig) -> dict[str, Any]:
    """The configuration as plain data, without anything that depends on the machine.

    In place of the path `data.root` stands a digest of what lies there, of every source that reads files.
    """
    plain = _plain(cfg)
    plain["data"]["root"] = data.fingerprint(cfg.data)
    return plain


def _plain(record: Any) -> dict[str, Any]:
    """A dataclass as nested plain data; a whole number in a field of floats is a float, so that 1 and 1.0 are equal."""
    return {item.name: _plain_value(getattr(record, item.name), item.type) for item in fields(record)}


def _plain_value(value: Any, kind: Any) -> Any:
    if is_dataclass(value):
        return _plain(value)
    return float(value) if isinstance(value, int) and kind in (float, float | None) else value


def run_id(cfg: RunConfig) -> str:
    """Twelve hexadecimal digits that name a run: a hash of its canonical configuration and the schema version.

    The same configuration on the same data is the same run on any machine. Raises `UserError` where data on disk can't
    be read.
    """
    record = {"schema_version": SCHEMA_VERSION} | canonical(cfg)
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
