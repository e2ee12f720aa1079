"""Do one run and write down what came of it, in its folder.

    runs/<run_id>/   config.yaml  environment.json  curves.csv  classes.csv  checkpoint.pt  metrics.json

classes.csv has the names of the classes 0 … K−1: of folders, or the labels of the user's arrays. A planned run has its
config.yaml, a run that has begun its environment.json too; metrics.json is written last, so that a run without it isn't
finished.
"""

import traceback
from collections.abc import Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from geomsym.architectures import architecture_specs
from geomsym.columns import CURVE_COLUMNS
from geomsym.config import ArchitectureConfig, KernelRegressionConfig, RunConfig
from geomsym.data import looked_at_once
from geomsym.environment import environment
from geomsym.execute.job import RunJob
from geomsym.execute.planning import folder_of, identity, plan
from geomsym.files import write_atomically, write_csv, write_json, write_text
from geomsym.identity import SCHEMA_VERSION
from geomsym.inference import ReportProgress, silent
from geomsym.kernels import Kernels
from geomsym.kernels.store import FolderStore
from geomsym.run import RunResult, run
from geomsym.system_errors import explanation

KERNELS = ".kernels"
"""The folder of kernel tiles, beside the experiments' folders."""


@looked_at_once()
def perform(
    experiment: Path,
    cfg: RunConfig,
    device: str,
    report: ReportProgress = silent,
    alongside: Sequence[ArchitectureConfig] = (),
) -> None:
    """Do a run and write its files. An error is written down as status «failed», then raised.

    Tiles of kernel matrices are kept beside the experiments, for all of them; networks `alongside` that one pass over
    the images can serve get theirs too.
    """
    folder = folder_of(experiment, cfg)
    plan(experiment, cfg)
    (folder / "metrics.json").unlink(missing_ok=True)
    write_json(folder / "environment.json", environment(device) | {"identity": identity(cfg)})
    try:
        networks = tuple(architecture_specs(architecture, outputs=1) for architecture in alongside)
        kernels = Kernels(store=FolderStore(experiment.parent / KERNELS), alongside=networks)
        _write_result(folder, run(cfg, device, report, kernels))
    except Exception as error:
        with suppress(OSError):  # where the disk is full, that is what is to be told
            write_text(folder / "error.txt", traceback.format_exc())
            write_failure(experiment, cfg, device, error)
        raise


def write_failure(experiment: Path, cfg: RunConfig, device: str, error: Exception) -> None:
    """Write down that a run failed, and why."""
    message = explanation(error) or f"{type(error).__name__}: {error}"
    _write_metrics(folder_of(experiment, cfg), cfg, {"status": "failed", "device": device, "error": message})


def jobs(experiment: Path, runs: Sequence[RunConfig]) -> list[RunJob]:
    """The jobs of a sweep: those that ask for kernels of the same images know of each other."""
    together = zip(runs, alongside(runs), strict=True)
    return [RunJob(experiment, cfg, others) for cfg, others in together]


def alongside(runs: Sequence[RunConfig]) -> list[tuple[ArchitectureConfig, ...]]:
    """For each run the architectures whose kernels are asked for by runs on the same images, its own included."""

    def images(cfg: RunConfig) -> str | None:
        if not isinstance(cfg.inference, KernelRegressionConfig):
            return None
        drawn = cfg.transform.name != "identity"
        seed = (cfg.seed if cfg.transform.seed is None else cfg.transform.seed) if drawn else 0
        return repr((cfg.data, cfg.transform.name, cfg.transform.strength, seed, cfg.dtype))

    shared: dict[str | None, dict[str, ArchitectureConfig]] = {}
    for cfg in runs:
        shared.setdefault(images(cfg), {})[repr(cfg.architecture)] = cfg.architecture
    return [() if images(cfg) is None else tuple(shared[images(cfg)].values()) for cfg in runs]


def _write_result(folder: Path, result: RunResult) -> None:
    (folder / "error.txt").unlink(missing_ok=True)
    write_csv(folder / "curves.csv", _curve_table(result))
    write_csv(folder / "classes.csv", pd.DataFrame(enumerate(result.class_names), columns=["class", "name"]))
    if result.fit.checkpoints:
        write_atomically(folder / "checkpoint.pt", lambda path: _save(result.fit.checkpoints, path))
    outcome = {"status": result.fit.status, "device": result.device, "seconds": round(result.seconds, 3)}
    _write_metrics(folder, result.config, outcome | result.fit.metrics)


def _save(checkpoints: dict[int, dict[str, torch.Tensor]], path: Path) -> None:
    with path.open("wb") as file:  # given a path, torch would write its temporary name into the file
        torch.save(checkpoints, file)


def _write_metrics(folder: Path, cfg: RunConfig, outcome: dict[str, Any]) -> None:
    """Write the run's row; values that aren't finite are left out, as missing."""
    row = {"schema_version": SCHEMA_VERSION} | identity(cfg) | outcome
    write_json(folder / "metrics.json", {k: v for k, v in row.items() if not isinstance(v, float) or isfinite(v)})


def _curve_table(result: RunResult) -> pd.DataFrame:
    """The scores along training in long form."""
    rows = [
        (result.run_id, step, step / result.fit.steps_per_epoch, split, metric, value)
        for step, scores in result.fit.curve.items()
        for (split, metric), value in scores.items()
    ]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
