"""Bad values are refused under their dotted key; the configuration files say what the dataclasses allow."""

import math
import re
from dataclasses import fields
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml

from geomsym import config
from geomsym.architectures import architecture_specs
from geomsym.architectures.layer_specs import shapes
from geomsym.cli import compose as composition
from geomsym.cli.compose import compose, compose_sweep, compose_volume
from geomsym.cli.groups import SCHEMAS, options
from geomsym.data import SOURCES
from geomsym.errors import ConfigError, UserError
from geomsym.inference import INFERENCE
from geomsym.transforms import GROUPS

CONFIGS = Path(composition.__file__).parents[1] / "configs"
CLASSES = {
    config.DataConfig: "data.",
    config.PhotoPatchesConfig: "data.",
    config.DigitsConfig: "data.",
    config.XorConfig: "data.",
    config.SinusoidConfig: "data.",
    config.TransformConfig: "transform.",
    config.ArchitectureConfig: "architecture.",
    config.StackConfig: "architecture.",
    config.InferenceConfig: "inference.",
    config.GradientDescentConfig: "inference.",
    config.KernelRegressionConfig: "inference.",
    config.GeometryConfig: "geometry.",
    config.GridConfig: "geometry.",
    config.SampledConfig: "geometry.",
    config.PathConfig: "geometry.",
    config.PlaneConfig: "geometry.",
    config.RunConfig: "",
}
REQUIRED = {config.DataConfig: {"name": "mnist"}}
"""What a dataclass can't be made without."""

FIELDS = [(kind, item) for kind in CLASSES for item in fields(kind)]
NUMBERS = [(kind, item) for kind, item in FIELDS if item.type in (int, float, int | None, float | None)]
NAMES_OF_REGISTRIES = {"name", "root"}
WORDS = [(kind, item.name) for kind, item in FIELDS if item.type is str and item.name not in NAMES_OF_REGISTRIES]


def make(kind, **values):
    return kind(**REQUIRED.get(kind, {}) | values)


def refused(kind, **values) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        make(kind, **values)
    return caught.value


def test_no_dataclass_is_missing_here():
    assert {item for item in vars(config).values() if isinstance(item, type)} == set(CLASSES)


def test_every_dataclass_is_exported():
    folder = Path(config.__file__).parent
    defined = {name for file in folder.glob("*.py") for name in re.findall(r"^class (\w+)", file.read_text(), re.M)}
    assert defined == {kind.__name__ for kind in CLASSES} <= set(config.__all__)


@pytest.mark.parametrize(("kind", "item"), NUMBERS)
def test_no_number_may_be_negative(kind, item):
    error = refused(kind, **{item.name: -1})
    assert error.args[:2] == (f"{CLASSES[kind]}{item.name}", -1)
    assert str(error).startswith(f"{CLASSES[kind]}{item.name}=-1: give ")


@pytest.mark.parametrize(("kind", "item"), [pair for pair in NUMBERS if pair[1].type in (float, float | None)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number_may_be_infinite_or_undefined(kind, item, value):
    assert refused(kind, **{item.name: value}).args[0] == f"{CLASSES[kind]}{item.name}"


@pytest.mark.parametrize(("kind", "item"), WORDS)
def test_words_come_from_a_closed_list_that_the_error_names(kind, item):
    default = getattr(make(kind), item)
    assert str(refused(kind, **{item: default + "x"})).startswith(f"{CLASSES[kind]}{item}={default}x: not one of ")
    assert f"did you mean '{default}'?" in str(refused(kind, **{item: default + "x"}))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (config.DataConfig, {"subset_size": 0}, "data.subset_size=0: give a number of at least 1, or null for every"),
        (config.DataConfig, {"zca_regularization": 0}, "data.zca_regularization=0: give a positive number"),
        (config.PhotoPatchesConfig, {"crop_size": 20}, "data.crop_size=20: give a multiple of data.image_size=8"),
        (config.PhotoPatchesConfig, {"crop_size": 4}, "data.crop_size=4: give a multiple of data.image_size=8"),
        (config.DigitsConfig, {"channels": 2}, "data.channels=2: give 1 (grey) or 3"),
        (config.TransformConfig, {"strength": 1.1}, "transform.strength=1.1: give a number in [0, 1]"),
        (config.ArchitectureConfig, {"kernel_size": 4}, "architecture.kernel_size=4: give an odd number"),
        (config.GradientDescentConfig, {"momentum": 1.0}, "inference.momentum=1.0: give a number in [0, 1)"),
        (config.GradientDescentConfig, {"learning_rate": 0.0}, "inference.learning_rate=0.0: give a positive number"),
        (config.GradientDescentConfig, {"optimizer": "adam"}, "inference.learning_rate=null: 2/λmax is no scale"),
        (
            config.GradientDescentConfig,
            {"checkpoint_steps": [0, 11], "max_steps": 10},
            "inference.checkpoint_steps=[0, 11]: 11 is outside 0…inference.max_steps=10",
        ),
        (config.GridConfig, {"bounds": [1.0, -1.0]}, "geometry.bounds=[1.0, -1.0]: give two numbers low < high"),
        (config.GeometryConfig, {"floor": 1.0}, "geometry.floor=1.0: give a number in [0, 1)"),
        (config.PathConfig, {"points": 1}, "geometry.points=1: give a number of at least 2"),
        (
            config.GeometryConfig,
            {"convention": "paper", "curvature": "estimate"},
            "geometry.convention=paper: is for exact curvature",
        ),
        (config.RunConfig, {"seed": 2**63}, f"seed={2**63}: give a number of at most {2**63 - 1}"),
        (config.ArchitectureConfig, {"width": 10**400}, f"architecture.width={10**400}: give a number of at most"),
    ],
)
def test_values_out_of_range(kind, values, message):
    assert str(refused(kind, **values)).startswith(message)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (config.PhotoPatchesConfig, {"image_size": None}),
        (config.PhotoPatchesConfig, {"image_size": 16}),
        (config.TransformConfig, {"strength": 0.0}),
        (config.TransformConfig, {"strength": 1.0}),
        (config.GradientDescentConfig, {"optimizer": "adam", "learning_rate": 1e-3}),
        (config.GradientDescentConfig, {"checkpoint_steps": [0, 10], "max_steps": 10}),
        (config.RunConfig, {"seed": 2**63 - 1}),
    ],
)
def test_values_at_the_edge_are_allowed(kind, values):
    assert all(getattr(make(kind, **values), key) == value for key, value in values.items())


OPTIONS = [(group, option) for group in SCHEMAS for option in options(group)]
EXPERIMENTS = options("experiment")
GEOMETRIES = {"grid": config.GridConfig, "path": config.PathConfig, "plane": config.PlaneConfig}
REGISTRIES = {"data": SOURCES, "transform": GROUPS, "inference": INFERENCE}


def schema_of(group, option):
    if group == "inference":
        return config.KernelRegressionConfig if option in ("ntk", "nngp") else config.GradientDescentConfig
    if group == "geometry":
        return GEOMETRIES[option]
    if option == "stack":
        return config.StackConfig
    return SOURCES[option].config if group == "data" else SCHEMAS[group]


def written(group, option) -> dict:
    values = yaml.safe_load((CONFIGS / group / f"{option}.yaml").read_text(encoding="utf-8"))
    return {key: value for key, value in values.items() if key != "defaults"}


def test_every_file_is_an_option():
    found = {(file.parent.name, file.stem) for file in CONFIGS.rglob("*.yaml") if file.parent != CONFIGS}
    assert found == {*OPTIONS, *(("experiment", name) for name in EXPERIMENTS)}


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_composes_to_the_defaults_and_the_values_in_its_file(group, option):
    expected = schema_of(group, option)(**written(group, option))
    _, (run,), geometry = compose_volume([f"{group}={option}"])
    composed = geometry if group == "geometry" else getattr(run, group)
    assert composed == expected and type(composed) is type(expected)
    assert composed.name == option


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_a_file_holds_nothing_but_what_differs_from_the_defaults(group, option):
    defaults = make(schema_of(group, option))
    assert [
        key for key, value in written(group, option).items() if key != "name" and value == getattr(defaults, key)
    ] == []


@pytest.mark.parametrize(("group", "registry"), REGISTRIES.items())
def test_every_member_of_a_registry_is_an_option(group, registry):
    assert set(options(group)) == set(registry)


def test_only_the_command_that_measures_geometry_takes_its_keys():
    for override in ("geometry=path", "geometry.resolution=3"):
        for composer in (compose, compose_sweep):
            with pytest.raises(UserError, match=f"{override}: it is «geomsym volume» that measures geometry"):
                composer([override])
    with pytest.raises(UserError, match=r"geometry\.points=3,4: one geometry at a time"):
        compose_volume(["geometry=path", "geometry.points=3,4"])


def test_the_default_configuration_is_that_of_the_dataclasses():
    assert compose([]) == config.RunConfig()


@cache
def runs_of(experiment):
    return compose_sweep([f"experiment={experiment}"])


def geometry_by_hand(plain):
    """The geometry that an experiment's file describes."""
    chosen = [option for item in plain.get("defaults", []) for key, option in item.items() if key.endswith("/geometry")]
    option = chosen[-1] if chosen else "grid"
    return GEOMETRIES[option](**plain.get("geometry", {}))


def runs_by_hand(experiment):
    """The product of an experiment's axes, put together from the text of the files alone."""
    plain = yaml.safe_load((CONFIGS / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8"))
    chosen = {item.name: item.default_factory().name for item in fields(config.RunConfig) if item.name in SCHEMAS}
    for item in plain.get("defaults", []):
        chosen |= {key.removeprefix("override /"): option for key, option in item.items()}
    axes = [[p if isinstance(p, dict) else {name: p} for p in points] for name, points in plain["axes"].items()]
    for points in product(*axes):
        point = {key: value for p in points for key, value in p.items()}
        groups = {}
        for group in (group for group in SCHEMAS if group != "geometry"):
            option = point.get(group, chosen[group])
            details = {key.partition(".")[2]: value for key, value in point.items() if key.startswith(f"{group}.")}
            groups[group] = schema_of(group, option)(**written(group, option) | plain.get(group, {}) | details)
        yield config.RunConfig(**groups, **{key: point.get(key, plain.get(key, 0)) for key in ("seed",)})


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_whole_sweep_of_every_experiment_composes_to_what_its_file_says(experiment):
    name, runs = runs_of(experiment)
    assert name == experiment
    assert runs == list(runs_by_hand(experiment))
    assert len({repr(run) for run in runs}) == len(runs)
    plain = yaml.safe_load((CONFIGS / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8"))
    assert compose_volume([f"experiment={experiment}"]) == (name, runs, geometry_by_hand(plain))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_run_of_every_experiment_names_members_of_the_registries(experiment):
    for run in runs_of(experiment)[1]:
        assert run.transform.name in GROUPS and run.inference.name in INFERENCE
        layers = architecture_specs(run.architecture, outputs=10)
        if run.data.image_size:
            assert shapes(layers, (3, run.data.image_size, run.data.image_size))[-1] == (10,)
