"""The arguments and flags that commands share, and what they mean."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from geomsym.errors import UserError

from . import paths
from .groups import complete, listing

EPILOG = f"Groups and their options:\n\n{listing()}"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def complete_override(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completions of the override at the cursor, from it and the words before it."""
    return complete(ctx.params.get("overrides") or [], incomplete)


Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Choose an option of a group (architecture=gap) or set a key (data.subset_size=100).",
        autocompletion=complete_override,
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", parser=paths.folder("--out"), metavar="DIR", help="The folder that results go to."),
]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where to compute; auto takes a GPU if there is one.")]
DataRoot = Annotated[
    Path | None,
    typer.Option("--data-root", parser=paths.folder("--data-root"), metavar="DIR",
                 help="The folder with data sets. Default: $GEOMSYM_DATA, or the user's data folder.",
                 show_default=False),
]  # fmt: skip
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Runs at a time. Default: one on each core; 1 on a GPU.", show_default=False),
]
Name = Annotated[
    str | None,
    typer.Option("--name", parser=paths.name("--name"), metavar="NAME",
                 help="The results' folder under OUT. Default: the experiment's name.", show_default=False),
]  # fmt: skip
Results = Annotated[
    Path,
    typer.Argument(parser=paths.folder("DIR"), metavar="[DIR]",
                   help="An experiment's folder, or one that holds several."),
]  # fmt: skip
"""Where results are that a command reads."""
Cfg = Annotated[bool, typer.Option("--cfg", help="Print the resolved config and stop.")]
Json = Annotated[bool, typer.Option("--json", help="Print the table as JSON.")]


def resolve_device(device: Device) -> str:
    """«cpu» or «cuda»; raises `UserError` where a GPU is asked for and there is none."""
    import torch

    available = torch.cuda.is_available()
    if device is Device.cuda and not available:
        raise UserError("--device cuda: torch finds no CUDA device here; give cpu or auto")
    return "cuda" if available and device is not Device.cpu else "cpu"


def use_data_root(root: Path | None) -> None:
    """Make a folder the place of data sets for this process and its workers."""
    if root is not None:
        if not root.is_dir():
            raise UserError(f"--data-root {root}: no such folder")
        os.environ["GEOMSYM_DATA"] = str(root.resolve())
