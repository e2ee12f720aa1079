"""The config groups and what can be written on the command line: for help, errors and shell completion.

Reads file names and dataclass fields only, so that completing a word doesn't load torch or Hydra.
"""

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.resources import files

from geomsym import config

SCHEMAS = {
    "data": config.DataConfig,
    "transform": config.TransformConfig,
    "architecture": config.ArchitectureConfig,
    "inference": config.InferenceConfig,
    "geometry": config.GeometryConfig,
}
GROUPS = (*SCHEMAS, "experiment")
ROOT_KEYS = ("seed", "dtype")


@cache
def options(group: str) -> tuple[str, ...]:
    """The names that a group can be set to, in alphabetical order."""
    folder = files("geomsym.configs") / group
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def keys() -> list[str]:
    """Every dotted key that some option of its group has, then the root keys."""
    dotted = (f"{group}.{name}" for group, schema in SCHEMAS.items() for name in _field_names(schema))
    return [*dict.fromkeys(dotted), *ROOT_KEYS]


def _field_names(schema: type) -> Iterator[str]:
    """The settable fields of a schema and of those derived from it; `name` is set by choosing an option."""
    yield from (field.name for field in fields(schema) if field.name != "name")
    for kind in schema.__subclasses__():
        yield from _field_names(kind)


def complete(args: list[str], incomplete: str) -> list[str]:
    """Completions of a partly written override, for the shell.

    zsh and fish pass «architecture=ga» as one word; bash splits it at the «=» and wants the part behind it. Right
    behind the «=» the incomplete word arrives as empty.
    """
    if incomplete in ("", "=") and args and args[-1] in GROUPS:
        return _options_from(args[-1], "")
    if args and args[-1] == "=" and len(args) > 1:
        return _options_from(args[-2], incomplete)
    key, equals, value = incomplete.partition("=")
    if equals:
        return [f"{key}={option}" for option in _options_from(key, value)]
    choices = [f"{group}={option}" for group in GROUPS if group.startswith(key) for option in options(group)]
    return choices + [f"{name}=" for name in keys() if name.startswith(key)]


def _options_from(group: str, start: str) -> list[str]:
    """The options of a group that begin with the last item of a comma-separated list, behind the items before it."""
    *chosen, last = start.split(",")
    names = options(group) if group in GROUPS else ()
    return [",".join([*chosen, name]) for name in names if name.startswith(last)]


def listing() -> str:
    """The groups with their options, a line each, for help texts."""
    return "\n\n".join(f"{group}: {', '.join(options(group))}" for group in GROUPS)
