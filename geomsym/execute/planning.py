"""Which runs an experiment has: where each keeps its files, which columns name it, whether it is finished.

Importing this module takes neither pandas nor torch, so that a sweep can be listed in no time.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from geomsym.config import GradientDescentConfig, RunConfig
from geomsym.errors import ConfigError
from geomsym.files import write_text
from geomsym.identity import canonical, run_id
from geomsym.run_folders import SpoiltRun, read_config, read_record

RESULTS = ("ok", "unfitted", "diverged")
"""Statuses of runs that have a result; all others are done again by the same command."""


def folder_of(experiment: Path, cfg: RunConfig) -> Path:
    """Where a run of an experiment keeps its files."""
    return experiment / "runs" / run_id(cfg)


def plan(experiment: Path, cfg: RunConfig) -> None:
    """Note that a run belongs to the experiment: its config.yaml, unless it is there and whole."""
    from omegaconf import OmegaConf

    folder = folder_of(experiment, cfg)
    try:
        read_config(folder)
    except SpoiltRun:
        write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(canonical(cfg))))


def is_finished(experiment: Path, cfg: RunConfig) -> bool:
    """Whether the run has a result that can be read: ok, unfitted or diverged."""
    path = folder_of(experiment, cfg)
    try:
        status = read_record(path)["status"]
    except SpoiltRun:
        return False
    return status in RESULTS


def trouble(experiment: Path, cfg: RunConfig) -> str | None:
    """What is wrong with the run's folder, if it is spoilt; doing the run again replaces its files."""
    try:
        read_record(folder_of(experiment, cfg))
    except SpoiltRun as error:
        return str(error)


def identity(cfg: RunConfig) -> dict[str, Any]:
    """The columns that say which run this is; `experiment` is the folder's name and joins them on collection."""
    return {
        "run_id": run_id(cfg),
        "data": cfg.data.name,
        "transform": cfg.transform.name,
        "transform_strength": cfg.transform.strength,
        "transform_seed": cfg.seed if cfg.transform.seed is None else cfg.transform.seed,
        "architecture": cfg.architecture.label,
        "width": cfg.architecture.width,
        "depth": cfg.architecture.depth,
        "activation": cfg.architecture.activation,
        "inference": cfg.inference.name,
        "subset_size": cfg.data.subset_size,
        "seed": cfg.seed,
        "dtype": cfg.dtype,
    }


def keep_initial_weights(cfg: RunConfig) -> RunConfig:
    """The run with its initial and last weights kept, where it doesn't say which.

    Raises `ConfigError` for a run that has no weights.
    """
    if not isinstance(cfg.inference, GradientDescentConfig):
        reason = "has no trained network to measure: give nn, nn_plus or cross_entropy"
        raise ConfigError("inference", cfg.inference.name, reason)
    if cfg.inference.checkpoint_steps:
        return cfg
    return replace(cfg, inference=replace(cfg.inference, checkpoint_steps=[0]))
