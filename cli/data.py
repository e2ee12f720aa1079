"""`geomsym data`: the data sets, their download, a picture of the transforms."""

import json
from pathlib import Path
from typing import Annotated

import typer

from geomsym.config import RunConfig
from geomsym.errors import ConfigError, UserError, look_up

from . import paths
from .options import DataRoot, Json, Overrides, use_data_root
from .output import console

app = typer.Typer(name="data", help="List, download and show data sets.", no_args_is_help=True)


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the data sources."""
    from rich.table import Table

    from geomsym.data import SOURCES

    rows = {name: {"summary": source.summary, "fetch": source.fetch is not None} for name, source in SOURCES.items()}
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table("data=", "what it is", "download")
    for name, row in rows.items():
        table.add_row(name, row["summary"], f"geomsym data fetch {name}" if row["fetch"] else "")
    console().print(table)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="The data set, such as cifar10.")], data_root: DataRoot = None
) -> None:
    """Download a data set and verify its checksums."""
    from geomsym.data import SOURCES
    from geomsym.data.folders import data_path

    source = look_up("data", name, SOURCES)
    if source.fetch is None:
        raise ConfigError("data", name, "nothing to download: it is embedded, or your own")
    folder = data_root or data_path(None)
    source.fetch(folder)
    typer.echo(f"{name} is in {folder}")


@app.command()
def show(
    overrides: Overrides = None,
    out: Annotated[
        Path, typer.Option("--out", parser=paths.folder("--out"), metavar="DIR", help="The folder for the picture.")
    ] = Path("outputs"),
    index: Annotated[int, typer.Option(min=0, help="Which training image.")] = 0,
    data_root: DataRoot = None,
) -> None:
    """Draw one image under a random element of every group, and along the paths into them."""
    from geomsym.files import require_writable_folder

    from .compose import compose

    use_data_root(data_root)
    run = compose(overrides or [])
    require_writable_folder(out / "data")
    for path in _draw(run, index, out):
        typer.echo(path)


def _draw(run: RunConfig, index: int, out: Path) -> list[Path]:
    """The picture's files; raises `UserError` for data that aren't images, and for an index beyond them."""
    from geomsym import data
    from geomsym.plotting.group_gallery import group_gallery
    from geomsym.plotting.save import save
    from geomsym.plotting.style import figure_style

    images = data.load(run.data).train.x
    if images.shape[1] not in (1, 3) or images.shape[-1] == 1:
        raise ConfigError("data", run.data.name, "has no pictures to show; choose images, such as photo_patches")
    if index >= len(images):
        raise UserError(f"--index {index}: there are {len(images)} training images")
    with figure_style():
        return save(group_gallery(images[index], run.seed), out / "data" / run.data.name)
