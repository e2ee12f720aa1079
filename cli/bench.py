"""`geomsym bench`: measured throughput on this machine."""

import json
from typing import Annotated

import typer

from .options import Device, DeviceOption, Json, resolve_device

app = typer.Typer(name="bench", help="Measure throughput on this machine.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Measure throughput on this machine."""


@app.command()
def kernel(
    depth: Annotated[int, typer.Option(min=1, help="Hidden layers.")] = 8,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long to measure each network at least.")] = 3.0,
    device: DeviceOption = Device.auto,
    as_json: Json = False,
) -> None:
    """Measure how many pairs of images a second NNGP and NTK take, both together."""
    from rich.console import Console
    from rich.table import Table

    from geomsym.kernels.bench import kernel_throughput

    rows = [
        {
            "architecture": item.architecture,
            "image": f"{item.side}×{item.side}×3",
            "depth": item.depth,
            "backend": item.backend,
            "pairs": item.pairs,
            "seconds": round(item.seconds, 3),
            "pairs_per_second": round(item.pairs_per_second),
        }
        for item in kernel_throughput(depth, resolve_device(device), seconds)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    table = Table()
    for name in rows[0]:
        table.add_column(
            name.replace("pairs_per_second", "pairs/s"), justify="left" if name == "architecture" else "right"
        )
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console().print(table)
