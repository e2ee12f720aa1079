"""The list of a sweep's runs that `--dry-run` prints."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from geomsym.results import LISTED, RunFolder


def print_plan(folder: Path, runs: list[RunFolder], as_json: bool) -> None:
    """The runs of a sweep, and which of them are finished."""
    rows = [run.identity | {"finished": run.is_finished} for run in runs]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table()
    for name in (*LISTED, "done"):
        table.add_column(name, no_wrap=name in ("run_id", "transform"))
    for row in rows:
        table.add_row(*(str(row[name]) for name in LISTED), "✓" if row["finished"] else "")
    Console().print(table)
    finished = sum(row["finished"] for row in rows)
    typer.echo(
        f"{len(rows)} run{'s' * (len(rows) > 1)}, {finished} finished, {len(rows) - finished} to do, in {folder}"
    )
