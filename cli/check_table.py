"""The table of `geomsym verify`: on the terminal, as JSON, as CSV."""

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from geomsym.theory import Check

from .output import console
from .tables import symbol


def show(checks: Iterable[Check], as_json: bool) -> list[Check]:
    """Print the table, statement by statement as checks are done, or all of it as JSON; returns the checks."""
    if as_json:
        shown = list(checks)
        typer.echo(json.dumps([check.row() for check in shown], indent=1))
        return shown
    shown: list[Check] = []
    screen = console()
    for (statement, compared), checked in groupby(checks, lambda check: (check.statement, _parts(check)[0])):
        part = list(checked)
        if not shown or shown[-1].statement != statement:
            screen.print(statement, style="bold", highlight=False)
        screen.print(f"compared: {compared}", highlight=False)
        screen.print(_table(part), "")
        shown += part
    return shown


def write(checks: list[Check], path: Path) -> None:
    """The table as CSV."""
    import pandas as pd

    from geomsym.files import write_csv

    write_csv(path, pd.DataFrame([check.row() for check in checks]))


def _parts(check: Check) -> tuple[str, str]:
    """What was compared, and what was found, if that is said."""
    compared, _, found = check.compared.partition(": ")
    return compared, found


def _table(checks: list[Check]) -> Table:
    """A part of the table in which the same was compared; columns without content are left out."""
    columns = {
        "architecture": [check.architecture for check in checks],
        "group": [symbol(check.group) if check.group else "" for check in checks],
        "found": [_parts(check)[1].replace(", ", "\n") for check in checks],
        "deviation": [f"{check.deviation:.2g}" for check in checks],
        "tolerance": [f"{check.tolerance:.2g}" for check in checks],
        "verdict": [check.verdict for check in checks],
    }
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        numbers = name in ("deviation", "tolerance")
        table.add_column(name, justify="right" if numbers else "left", no_wrap=name != "found")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table
