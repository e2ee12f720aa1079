"""`geomsym train`: one triplet."""

import json
from pathlib import Path

import typer
from rich.table import Table

from .options import (
    Cfg,
    DataRoot,
    Device,
    DeviceOption,
    Json,
    Out,
    Overrides,
    resolve_device,
    use_data_root,
)
from .output import console
from .work import do_runs

SHOWN = (
    "data",
    "transform",
    "architecture",
    "width",
    "depth",
    "inference",
    "seed",
    "status",
    "test_accuracy",
    "best_test_accuracy",
    "selected_test_accuracy",
    "validation_accuracy",
    "train_accuracy",
    "test_mse",
    "train_mse",
    "steps",
    "learning_rate",
    "lambda_max",
    "ridge",
    "jitter",
    "condition",
    "residual",
    "test_variance",
    "parameters",
    "seconds",
)


def train(
    overrides: Overrides = None,
    out: Out = Path("outputs"),
    device: DeviceOption = Device.auto,
    data_root: DataRoot = None,
    cfg: Cfg = False,
    as_json: Json = False,
) -> None:
    """Train one triplet: a data transform, an architecture, an inference algorithm.

    The result is kept under OUT/train/runs. The same configuration is the same run: it is not done twice.
    """
    from geomsym.execute import folder_of
    from geomsym.run_folders import read_record

    from .compose import compose, resolved

    if cfg:
        typer.echo(resolved(overrides or [], sweep=False), nl=False)
        return
    use_data_root(data_root)
    run = compose(overrides or [])
    failures = do_runs(out / "train", [run], resolve_device(device), workers=1).failures
    if failures:
        raise failures[0]
    record = read_record(folder_of(out / "train", run))
    if as_json:
        typer.echo(json.dumps(record, indent=1))
    else:
        _print(record, folder_of(out / "train", run))


def _print(record: dict, folder: Path) -> None:
    table = Table(title=f"run {record['run_id']}", title_justify="left", show_header=False)
    for name in SHOWN:
        if name in record:
            value = record[name]
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console().print(table)
    typer.echo(f"in {folder}")
