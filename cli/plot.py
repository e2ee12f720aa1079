"""`geomsym plot`: figures from the tables of experiments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geomsym.errors import DataError

from . import paths
from .options import Results
from .output import console
from .work import collected

if TYPE_CHECKING:
    from geomsym.plotting import Kind
    from geomsym.results import Results as Tables

Figures = Annotated[
    Path | None,
    typer.Option("--out", parser=paths.folder("--out"), metavar="DIR", show_default=False,
                 help="The folder for figures, with one in it for each of several experiments. Default: DIR/figures."),
]  # fmt: skip


def plot(folder: Results = Path("outputs"), out: Figures = None) -> None:
    """Draw the figures that the tables under DIR allow into DIR/figures: PNG and PDF, animations as GIF.

    For a figure that is not drawn it says what it needs, and what there is.
    """
    from geomsym.files import require_writable_folder
    from geomsym.results import experiments

    places = {path: _place(folder, path, out) for path in experiments(folder)}
    if not places:
        remedy = "do some with geomsym sweep or geomsym volume, or give their folder"
        raise DataError(f"{folder}: no finished runs to draw there; {remedy}")
    for place in places.values():
        require_writable_folder(place)
    from geomsym.plotting import draw

    drawn = 0
    for experiment, place in places.items():
        results = collected(experiment)
        found = draw(results, place)
        for path in found.files:
            typer.echo(path)
        drawn += len(found.files)
        _say_lacking(experiment, results, found.lacking)
    if not drawn:
        raise DataError(f"{folder}: no figure can be drawn of what is there; above stands what each needs")


def _place(folder: Path, experiment: Path, out: Path | None) -> Path:
    if out is None:
        return experiment / "figures"
    return out if experiment == folder else out / experiment.name


def _say_lacking(experiment: Path, results: "Tables", lacking: "list[Kind]") -> None:
    """The figures that were not drawn, what each needs, and what there is of that."""
    from rich.table import Table

    if not lacking:
        return
    table = Table(title=f"not drawn of {experiment}", title_justify="left")
    for heading in ("figure", "needs", "here"):
        table.add_column(heading, no_wrap=heading == "figure")
    for kind in lacking:
        table.add_row(kind.name, kind.needs, kind.there(results))
    console(stderr=True).print(table)
