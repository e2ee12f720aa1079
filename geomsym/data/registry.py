"""The registry of data sources: a new source is one new file and one line here."""

from typing import Any

from geomsym.config import DataConfig
from geomsym.data import arrays, cifar10, digits, image_folder, mnist, photo_patches, sinusoid, xor
from geomsym.data.base import Member
from geomsym.data.folders import located
from geomsym.errors import ConfigError, choose

MODULES = (photo_patches, digits, xor, sinusoid, mnist, cifar10, image_folder, arrays)
SOURCES: dict[str, Member[Any]] = {module.MEMBER.name: module.MEMBER for module in MODULES}


def member_of(cfg: DataConfig) -> Member[Any]:
    """The source that a config names; raises `ConfigError` where the config is of another source's class."""
    member = choose("data.name", cfg.name, SOURCES)
    if not isinstance(cfg, member.config):
        given, needed = type(cfg).__name__, member.config.__name__
        raise ConfigError("data.name", cfg.name, f"is configured by {needed}, not {given}: make a {needed}")
    return member


def fingerprint(cfg: DataConfig) -> str | None:
    """Identify data that are known by their path alone, whatever the machine; None for the other sources."""
    member = member_of(cfg)
    return member.fingerprint(cfg, located(cfg.root)) if member.fingerprint else None
