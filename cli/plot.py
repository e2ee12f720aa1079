"""`geomsym plot`: figures from the tables of experiments."""

from pathlib import Path
from typing import Annotated

import typer

from geomsym.errors import DataError


def plot(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="An experiment's folder, or one that holds several.")
    ] = Path("outputs"),
) -> None:
    """Draw the figures that the tables under DIR allow into DIR/figures: PNG and PDF, animations as GIF."""
    from geomsym.run_folders import experiments

    drawn = []
    for experiment in experiments(folder):
        drawn += _draw(experiment)
    if not drawn:
        remedy = "do some with geomsym sweep or geomsym volume, or give their folder"
        raise DataError(f"{folder}: no finished runs to draw there; {remedy}")
    for path in drawn:
        typer.echo(path)


def _draw(experiment: Path) -> list[Path]:
    """Collect an experiment's tables, and draw what they allow."""
    from geomsym.plotting import draw_figures
    from geomsym.results import collect

    collect(experiment)
    return draw_figures(experiment)
