"""What ids of runs rest on: the defaults of all dataclasses and options, and the ids of some runs.

    python tests/support/identity_snapshot.py

writes tests/reference/identity.json anew. It refuses where a default has changed and `MEANING` hasn't: ids leave out
what has its default, so that results under the old one would be taken for results under the new one. The values of
options, which configs/ holds, are no defaults: where they change, the option has another id.
"""

import json
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path

from geomsym import config
from geomsym.cli.compose import compose_volume
from geomsym.cli.groups import SCHEMAS, options
from geomsym.config import (
    ArchitectureConfig,
    DigitsConfig,
    GradientDescentConfig,
    GridConfig,
    KernelRegressionConfig,
    PathConfig,
    PhotoPatchesConfig,
    PlaneConfig,
    RunConfig,
    SinusoidConfig,
    StackConfig,
    TransformConfig,
    XorConfig,
)
from geomsym.results import MEANING, run_id, scan_id

FILE = Path(__file__).parents[1] / "reference" / "identity.json"

RUNS = {
    "default": RunConfig(),
    "seed": RunConfig(seed=7),
    "double": RunConfig(dtype="float64"),
    "fcn": RunConfig(architecture=ArchitectureConfig("fcn", width=256)),
    "lap": RunConfig(architecture=ArchitectureConfig("lap", window=2)),
    "stack": RunConfig(architecture=StackConfig(layers=["conv:8:5", "relu", "global_pool"])),
    "rotation": RunConfig(transform=TransformConfig("pixel_rotation", strength=0.5)),
    "fixed rotation": RunConfig(transform=TransformConfig("global_rotation", seed=9)),
    "zca": RunConfig(PhotoPatchesConfig(preprocess="zca", zca_regularization=0.2)),
    "digits": RunConfig(DigitsConfig(channels=1)),
    "xor": RunConfig(XorConfig(noise_variance=0.0), inference=KernelRegressionConfig("nngp", ridge=0.1)),
    "sinusoid": RunConfig(SinusoidConfig(subset_size=40)),
    "adam": RunConfig(inference=GradientDescentConfig(optimizer="adam", learning_rate=0.001)),
    "cross-entropy": RunConfig(inference=GradientDescentConfig("cross_entropy", loss="cross_entropy")),
}
SCANS = {"grid": GridConfig(), "small grid": GridConfig(resolution=5), "path": PathConfig(), "plane": PlaneConfig()}


def snapshot() -> dict:
    """Today's defaults and ids, as plain data."""
    kinds = {name: kind for name in config.__all__ if isinstance(kind := getattr(config, name), type)}
    return {
        "meaning": MEANING,
        "defaults": {name: _defaults(kind) for name, kind in kinds.items()},
        "options": {f"{group}={name}": _option(group, name) for group in SCHEMAS for name in options(group)},
        "ids": {name: run_id(cfg) for name, cfg in RUNS.items()} | {name: scan_id(cfg) for name, cfg in SCANS.items()},
    }


def changed_defaults(old: dict, new: dict) -> list[str]:
    """The keys of dataclasses whose defaults differ; those that weren't there aren't among them."""
    return [
        f"{name}.{key}"
        for name, values in old["defaults"].items()
        for key, value in values.items()
        if new["defaults"].get(name, {}).get(key, MISSING) != value
    ]


def _defaults(kind: type) -> dict:
    made = {item.name: item.default_factory() for item in fields(kind) if item.default_factory is not MISSING}
    made |= {item.name: item.default for item in fields(kind) if item.default is not MISSING}
    return {key: type(value).__name__ if is_dataclass(value) else value for key, value in made.items()}


def _option(group: str, name: str) -> dict:
    _, (run,), geometry = compose_volume([f"{group}={name}"])
    return asdict(geometry if group == "geometry" else getattr(run, group))


if __name__ == "__main__":
    today = snapshot()
    changed = changed_defaults(json.loads(FILE.read_text()), today) if FILE.exists() else []
    if changed and json.loads(FILE.read_text())["meaning"] == MEANING:
        raise SystemExit(f"{', '.join(changed)}: other defaults. Raise MEANING in geomsym/results/identity.py first.")
    FILE.write_text(json.dumps(today, indent=1) + "\n")
