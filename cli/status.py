"""`geomsym status`: what is done, failed, left."""

import json
from pathlib import Path

import typer

from geomsym.errors import DataError

from .options import Json, Results
from .output import console
from .work import say_spoilt

OPTIONAL = ("spoilt", "other_version")
"""Statuses that have a column only where there are such runs."""


def status(folder: Results = Path("outputs"), as_json: Json = False) -> None:
    """Count the runs of every experiment: done, failed, left; and name those whose folders are spoilt."""
    from geomsym.results import counted, experiments, survey

    found = {str(path): list(survey(path).values()) for path in experiments(folder)}
    if not found:
        raise DataError(f"{folder}: no runs there; give the folder of an experiment, or one that holds several")
    counts = {name: counted(runs) for name, runs in found.items()}
    if as_json:
        typer.echo(json.dumps(counts, indent=1))
    else:
        _print(counts)
    say_spoilt([run.trouble for runs in found.values() for run in runs if run.trouble])


def _print(counts: dict[str, dict[str, int]]) -> None:
    from rich.table import Table

    shown = [
        name for name in next(iter(counts.values())) if name not in OPTIONAL or any(c[name] for c in counts.values())
    ]
    table = Table(caption="interrupted: begun and not finished, or at work just now", caption_justify="left")
    table.add_column("experiment", overflow="fold")
    for heading in (*shown, "runs"):
        table.add_column(heading.replace("_", " "), justify="right")
    for name, count in counts.items():
        table.add_row(name, *(str(count[status] or "") for status in shown), str(sum(count.values())))
    console().print(table)
