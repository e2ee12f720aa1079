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
from .work import do_runs, executor


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
    from geomsym.results import RunFolder

    from .compose import compose, resolved

    if cfg:
        typer.echo(resolved(overrides or [], sweep=False), nl=False)
        return
    use_data_root(data_root)
    run = RunFolder(out / "train", compose(overrides or []))
    with executor(resolve_device(device), workers=1) as place:
        failures = do_runs(run.experiment, [run], place).failures
    if failures:
        raise failures[0]
    record = run.record()
    if as_json:
        typer.echo(json.dumps(record, indent=1))
    else:
        _print(record, run.path)


def _print(record: dict, folder: Path) -> None:
    """What the run was and what came of it: whatever there is."""
    from geomsym.results import RUN_COLUMNS, tail_of

    table = Table(title=f"run {record['run_id']}", title_justify="left", show_header=False)
    for name in (*RUN_COLUMNS, *tail_of([record])):
        value = record.get(name)
        if value is not None and name != "run_id":
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console().print(table)
    typer.echo(f"in {folder}")
