"""The list of a sweep's runs that `--dry-run` prints."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from geomsym.config import RunConfig
from geomsym.execute import identity, is_finished


def print_plan(folder: Path, runs: list[RunConfig], as_json: bool) -> None:
    """The runs of a sweep, and which of them are finished."""
    rows = [identity(run) | {"finished": is_finished(folder, run)} for run in runs]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    shown = ("run_id", "transform", "architecture", "width", "inference", "seed")
    table = Table()
    for name in (*shown, "done"):
        table.add_column(name, no_wrap=name in ("run_id", "transform"))
    for row in rows:
        table.add_row(*(str(row[name]) for name in shown), "✓" if row["finished"] else "")
    Console().print(table)
    finished = sum(row["finished"] for row in rows)
    typer.echo(
        f"{len(rows)} run{'s' * (len(rows) > 1)}, {finished} finished, {len(rows) - finished} to do, in {folder}"
    )
