"""The registry of data sources: a new source is one new file and one line here."""

from pathlib import Path
from typing import Any

from geomsym.config import DataConfig
from geomsym.data import arrays, cifar10, digits, image_folder, mnist, photo_patches, sinusoid, xor
from geomsym.data.base import SourceEntry
from geomsym.data.folders import data_path
from geomsym.errors import ConfigError, look_up

MODULES = (photo_patches, digits, xor, sinusoid, mnist, cifar10, image_folder, arrays)
SOURCES: dict[str, SourceEntry[Any]] = {module.ENTRY.name: module.ENTRY for module in MODULES}


def entry_of(cfg: DataConfig) -> SourceEntry[Any]:
    """The source that a config names; raises `ConfigError` where the config is of another source's class."""
    entry = look_up("data.name", cfg.name, SOURCES)
    if not isinstance(cfg, entry.config):
        given, needed = type(cfg).__name__, entry.config.__name__
        raise ConfigError("data.name", cfg.name, f"is configured by {needed}, not {given}: make a {needed}")
    return entry


def source_folder(cfg: DataConfig) -> Path:
    """Where the data of a config lie on disk; for embedded sources, which read nothing, any folder.

    Raises `UserError` where that is the user's data folder, and the user has no home.
    """
    entry = entry_of(cfg)
    return data_path(cfg.root) if entry.fetch or entry.fingerprint else Path()


def fingerprint(cfg: DataConfig) -> str | None:
    """A digest of the content of data that lie on disk, the same on any machine; None for the other sources."""
    entry = entry_of(cfg)
    return entry.fingerprint(cfg, source_folder(cfg)) if entry.fingerprint else None
