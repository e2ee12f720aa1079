"""From overrides to run configurations; the only module that imports Hydra.

Overrides follow Hydra's grammar. The option chosen in one group never changes what another group's option means, so
each part of a configuration is composed once, and the runs of a sweep are put together from these parts: composing
every run from scratch would take a tenth of a second each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from geomsym import config
from geomsym.config import GeometryConfig, RunConfig
from geomsym.data import SOURCES
from geomsym.errors import ConfigError, UserError, nearest, unknown_name
from geomsym.sweep import Axes, expand, literal, override_axes, read_axes

from . import quoting
from .groups import GROUPS, ROOT_KEYS, SCHEMAS, options

WORDS = (*GROUPS, *ROOT_KEYS)
"""What an override may begin with."""


@dataclass
class _Root:
    """The types of the composed configuration; its defaults are those of `RunConfig`."""

    data: config.DataConfig = MISSING
    transform: config.TransformConfig = MISSING
    architecture: config.ArchitectureConfig = MISSING
    inference: config.InferenceConfig = MISSING
    geometry: config.GeometryConfig = MISSING
    seed: int = RunConfig.seed
    dtype: str = RunConfig.dtype
    axes: dict[str, Any] = field(default_factory=dict)


def compose(arguments: Sequence[str]) -> RunConfig:
    """The run that overrides such as ``architecture=gap data.subset_size=100`` describe.

    Raises `UserError` for anything that can't be parsed, isn't there, has the wrong type or is a sweep.
    """
    experiment, parsed = _parse(arguments)
    _refuse_geometry(parsed)
    for override in parsed:
        if override.is_sweep_override() or _is_axis(override):
            line = str(override.input_line)
            typed = f": {quoting.in_quotes(line)}" if override.key_or_group == quoting.PATH else ""
            raise UserError(f"{line}: several values are a sweep; use «geomsym sweep», or quote the value{typed}")
    return _run_config(experiment, _lines(parsed))


def compose_sweep(arguments: Sequence[str]) -> tuple[str | None, list[RunConfig]]:
    """The experiment's name and the runs that overrides and the experiment's axes describe."""
    experiment, parsed = _parse(arguments)
    _refuse_geometry(parsed)
    return experiment, _expanded(experiment, parsed)


def compose_volume(arguments: Sequence[str]) -> tuple[str | None, list[RunConfig], GeometryConfig]:
    """The experiment's name, its runs as `compose_sweep` gives them, and how geometry is measured in all of them."""
    experiment, parsed = _parse(arguments)
    geometry = [override for override in parsed if _is_geometry(override)]
    for override in geometry:
        if override.is_sweep_override():
            raise UserError(f"{override.input_line}: one geometry at a time; give one value")
    [measured] = _parts(experiment, _lines(geometry), ["geometry"]).values()
    return experiment, _expanded(experiment, [o for o in parsed if not _is_geometry(o)]), measured


def _expanded(experiment: str | None, parsed: list[Override]) -> list[RunConfig]:
    return expand(_axes(experiment, parsed), lambda lines: _run_config(experiment, lines))


def _is_geometry(override: Override) -> bool:
    return str(override.key_or_group).partition(".")[0] == "geometry"


def _refuse_geometry(parsed: list[Override]) -> None:
    for override in parsed:
        if _is_geometry(override):
            raise UserError(f"{override.input_line}: it is «geomsym volume» that measures geometry")


def resolved(arguments: Sequence[str], sweep: bool) -> str:
    """The resolved configuration as YAML: of the run, or of the sweep's first run and its axes."""
    if not sweep:
        return OmegaConf.to_yaml(OmegaConf.create(asdict(compose(arguments))))
    experiment, parsed = _parse(arguments)
    first = asdict(compose_sweep(arguments)[1][0])
    axes = {
        name: [{key: _parser().parse_override(f"{key}={value}").value() for key, value in p.items()} for p in points]
        for name, points in _axes(experiment, parsed).items()
    }
    return OmegaConf.to_yaml(OmegaConf.create(first | {"axes": axes}))


def resolved_volume(arguments: Sequence[str]) -> str:
    """The resolved configuration of `compose_volume` as YAML: of the first run, and of the geometry."""
    _, runs, geometry = compose_volume(arguments)
    return OmegaConf.to_yaml(OmegaConf.create(asdict(runs[0]) | {"geometry": asdict(geometry)}))


def _parse(arguments: Sequence[str]) -> tuple[str | None, list[Override]]:
    """The chosen experiment, if any, and the other overrides, checked for form and for the names of groups."""
    parsed = [_override(argument) for argument in arguments]
    for override in parsed:
        _check_form(override)
    chosen = [override.value() for override in parsed if override.key_or_group == "experiment"]
    for name in chosen:
        if name is not None:
            _check_option("experiment", name)
    rest = [override for override in parsed if override.key_or_group != "experiment"]
    return (cast(str | None, chosen[-1]) if chosen else None), rest


def _override(argument: str) -> Override:
    """One argument by Hydra's grammar; of data.root also values that it can't read, or reads as numbers."""
    try:
        parsed = _parser().parse_overrides([argument])[0]
    except OverrideParseException as error:
        path = quoting.as_path(argument)
        if path is not None:
            return _parser().parse_override(path)
        reason = f" ({str(error.__cause__).splitlines()[0]})" if error.__cause__ else ""
        advice = quoting.advice(argument)
        form = f"can't be read as it stands{reason}; {advice}" if advice else f"not of the form KEY=VALUE{reason}"
        raise UserError(f"{argument}: {form}") from error
    if parsed.key_or_group != quoting.PATH:
        return parsed
    return _as_text(argument, parsed)


def _as_text(argument: str, parsed: Override) -> Override:
    """The path of data, where it looks like a number too; lists, and numbers in a sweep, are refused."""
    value = parsed.value()
    path = quoting.as_path(argument)
    if isinstance(value, bool | int | float) and path is not None:
        return _parser().parse_override(path)
    items = value.list or [] if isinstance(value, ChoiceSweep) else [value]
    if any(isinstance(item, bool | int | float | list | dict) for item in items):
        raise UserError(f"{argument}: a path is wanted; {quoting.advice(argument)}")
    return parsed


@cache
def _parser() -> OverridesParser:
    with _hydra():
        return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())


def _check_form(override: Override) -> None:
    line = override.input_line
    if override.is_add() or override.is_delete() or override.package is not None:
        raise UserError(f"{line}: only KEY=VALUE is understood; no key can be added or removed")
    if override.is_interval_sweep():
        raise UserError(f"{line}: an interval has no grid; write range(start,stop,step) or a list of values")
    if override.key_or_group == "experiment" and override.is_sweep_override():
        raise UserError(f"{line}: one experiment at a time")
    if _is_axis(override) and override.is_sweep_override():
        raise UserError(f"{line}: an axis is one list of values; write {override.key_or_group}=[a,b]")


def _check_option(group: str, name: Any) -> None:
    if name not in options(group):
        raise unknown_name(group, literal(name), options(group))


def _values(override: Override) -> list[str]:
    """The values of a sweep or of a plain override, written as `literal` writes those of axes."""
    if not override.is_sweep_override():
        return [literal(override.value())]
    key, line = str(override.key_or_group), override.input_line
    if isinstance(override.value(), Glob) and key not in SCHEMAS:
        raise UserError(f"{line}: glob selects options of a group ({', '.join(SCHEMAS)})")
    names = [str(value) for value in override.sweep_string_iterator()]
    values = [name for name in names if not name.startswith("base_")]  # those are schemas, not options
    if not values:
        raise UserError(f"{line}: matches nothing{f'; there are {_listed(key)}' if key in SCHEMAS else ''}")
    return [literal(_parser().parse_override(f"{key}={value}").value()) for value in values]


def _listed(group: str) -> str:
    return ", ".join(options(group))


def _is_axis(override: Override) -> bool:
    return str(override.key_or_group).startswith("axes.")


def _axes(experiment: str | None, parsed: list[Override]) -> Axes:
    """The experiment's axes; those given as axes.NAME=[…] in their place or beside them; then every other override."""
    written = cast(dict[str, object], OmegaConf.to_container(_composed(experiment, None).axes))
    written |= {str(o.key_or_group).removeprefix("axes."): o.value() for o in parsed if _is_axis(o)}
    axes = read_axes(written)
    for override in parsed:
        if not _is_axis(override):
            axes = override_axes(axes, str(override.key_or_group), _values(override))
    return axes


def _lines(parsed: Iterable[Override]) -> list[str]:
    return [str(override.input_line) for override in parsed]


def _run_config(experiment: str | None, lines: Sequence[str]) -> RunConfig:
    """A run from overrides, one value each."""
    return RunConfig(**_parts(experiment, lines, [item.name for item in fields(RunConfig)]))


def _parts(experiment: str | None, lines: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Groups of the configuration and keys at its root, by name.

    A part is made from the overrides of its own group, and from all where a value refers to another part (${seed}).
    """
    for line in lines:
        if _group(line) not in SCHEMAS and _key(line) not in ROOT_KEYS:
            raise _no_such_key(line, WORDS, f"there are {', '.join(WORDS)}")
    if any("${" in line for line in lines):
        return {name: _part(experiment, name, (*SCHEMAS, *ROOT_KEYS), tuple(lines)) for name in names}
    own = {name: tuple(line for line in lines if _group(line) == name) for name in names}
    return {name: _part(experiment, name, (name,), own[name]) for name in names}


@cache
def _part(experiment: str | None, name: str, within: tuple[str, ...], lines: tuple[str, ...]) -> Any:
    """One part, made within the parts that may refer to each other; choices of options before details."""
    root = OmegaConf.structured(_Root)
    for group in within:
        root[group] = _composed(experiment, None)[group]
    for line in lines:
        if _key(line) in SCHEMAS:
            group, option = _key(line), _value(line)
            _check_option(group, option)
            root[group] = _composed(experiment, f"{group}={option}")[group]
    for line in lines:
        if _key(line) not in SCHEMAS:
            _assign(root, line)
    part = root[name]
    return OmegaConf.to_object(part) if isinstance(part, DictConfig) else part


@cache
def _parsed(line: str) -> Override:
    return _parser().parse_override(line)


@cache
def _key(line: str) -> str:
    return str(_parsed(line).key_or_group)


@cache
def _group(line: str) -> str:
    return _key(line).partition(".")[0]


def _value(line: str) -> Any:
    return _parsed(line).value()


def _assign(root: DictConfig, line: str) -> None:
    """Set the dotted key of an override to a value of its type."""
    key, group, value = _key(line), _group(line), _value(line)
    if group in SCHEMAS:
        if key == f"{group}.name":
            raise ConfigError(key, value, f"write {group}={value}, which brings the option's other values with it")
        items = [str(item) for item in root[group] if item != "name"]
        valid = [f"{group}.{item}" for item in items]
        if key not in valid:
            raise _no_such_key(line, valid, f"{group}={root[group].name} has {', '.join(items)}")
    try:
        OmegaConf.update(root, key, value)
        OmegaConf.select(root, key, throw_on_missing=True)  # an interpolation fails here, not later without its key
    except OmegaConfBaseException as error:
        raise ConfigError(key, value, str(error).splitlines()[0]) from error


def _no_such_key(line: str, valid: Sequence[str], found: str) -> UserError:
    key = _key(line)
    return UserError(f"{key}={literal(_value(line))}: no such key{nearest(key, valid)} ({found})")


@cache
def _composed(experiment: str | None, choice: str | None) -> DictConfig:
    """The configuration of an experiment with one group choice."""
    overrides = [f"experiment={experiment}"] if experiment else []
    try:
        with _hydra():
            return hydra_compose("config", [*overrides, *([choice] if choice else [])])
    except HydraException as error:
        raise UserError(f"{' '.join([*overrides, choice or ''])}: {error.__cause__ or error}") from error


def _hydra() -> initialize_config_module:
    """Hydra, set up for the package's configuration files."""
    _register_schemas()
    return initialize_config_module("geomsym.configs", version_base="1.3")


@cache
def _register_schemas() -> None:
    """Give every configuration file the dataclass that it is checked against."""
    store = ConfigStore.instance()
    store.store(name="base_config", node=_Root)
    for source in SOURCES.values():
        store.store(group="data", name=f"base_{source.name}", node=source.config)
    store.store(group="transform", name="base_transform", node=config.TransformConfig)
    store.store(group="architecture", name="base_architecture", node=config.ArchitectureConfig)
    store.store(group="architecture", name="base_stack", node=config.StackConfig)
    store.store(group="inference", name="base_gradient_descent", node=config.GradientDescentConfig)
    store.store(group="inference", name="base_kernel_regression", node=config.KernelRegressionConfig)
    for kind in (config.GridConfig, config.PathConfig, config.PlaneConfig):
        store.store(group="geometry", name=f"base_{kind.name}", node=kind)
