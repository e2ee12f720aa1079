"""`geomsym status`: what is done, failed, left."""

import json
from pathlib import Path
from typing import Annotated

import typer

from geomsym.errors import DataError

from .options import Json


def status(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="An experiment's folder, or one that holds several.")
    ] = Path("outputs"),
    as_json: Json = False,
) -> None:
    """Count the runs of every experiment: done, failed, left."""
    from rich.console import Console
    from rich.table import Table

    from geomsym.run_folders import STATUSES, experiments, statuses

    counts = {str(path): statuses(path) for path in experiments(folder)}
    if not counts:
        raise DataError(f"{folder}: no runs there; give the folder of an experiment, or one that holds several")
    if as_json:
        typer.echo(json.dumps(counts, indent=1))
        return
    table = Table(caption="interrupted: begun and not finished, or at work just now", caption_justify="left")
    table.add_column("experiment", overflow="fold")
    for heading in (*STATUSES, "runs"):
        table.add_column(heading, justify="right")
    for name, count in counts.items():
        table.add_row(name, *(str(count[status] or "") for status in STATUSES), str(sum(count.values())))
    Console().print(table)
