"""`geomsym bench`: measured throughput on this machine."""

import json
from typing import Annotated, Any

import typer

from geomsym.config import RunConfig

from .options import DataRoot, Device, DeviceOption, Json, Overrides, resolve_device, use_data_root
from .output import console

app = typer.Typer(name="bench", help="Measure throughput on this machine.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Measure throughput on this machine."""


@app.command()
def kernel(
    overrides: Overrides = None,
    depth: Annotated[int, typer.Option(min=1, help="Hidden layers.")] = 8,
    seconds: Annotated[float, typer.Option(min=0.01, help="The least time to measure each network for.")] = 3.0,
    device: DeviceOption = Device.auto,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Measure for how many pairs of images NNGP and NTK, both together, are computed in a second.

    With a config (data=cifar10 architecture=gap data.subset_size=1000) only its network is measured, on images of
    its shape. The table then says how long the kernels of this run would take.
    """
    use_data_root(data_root)
    if overrides:
        from .compose import compose

        rows = [_of_config(compose(overrides), resolve_device(device), seconds)]
    else:
        rows = _of_all(depth, resolve_device(device), seconds)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    _print(rows)


@app.command()
def geometry(
    rounds: Annotated[int, typer.Option(min=1, help="How often each method is measured.")] = 3,
    device: DeviceOption = Device.auto,
    as_json: Json = False,
) -> None:
    """Measure the volume element of a [784, 2000, 10] network, against one backward pass a feature and an SVD."""
    from geomsym.bench.geometry import volume_timings

    timings = volume_timings(rounds, device=resolve_device(device))
    rows = [
        {"log-volume by": t.method, "ms_per_point": round(1000 * t.seconds, 1), "times_as_fast": round(t.ratio, 1)}
        for t in timings
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    _print(rows)


def _row(item) -> dict:
    channels, height, width = item.shape
    return {
        "architecture": item.architecture,
        "image": f"{height}×{width}×{channels}",
        "depth": item.depth,
        "backend": item.backend,
        "pairs": item.pairs,
        "seconds": round(item.seconds, 3),
        "pairs_per_second": round(item.pairs_per_second),
    }


def _of_all(depth: int, device: str, seconds: float) -> list[dict]:
    """A row for every network that is measured without a config."""
    from geomsym.bench.kernels import kernel_throughput

    return [_row(item) for item in kernel_throughput(depth, device, seconds)]


def _of_config(cfg: RunConfig, device: str, seconds: float) -> dict:
    """The row of one configured network, with the pairs that its run needs and the seconds that they would take."""
    from geomsym.bench.kernels import run_throughput

    item, pairs = run_throughput(cfg, device, seconds)
    return _row(item) | {"run_pairs": pairs, "run_seconds": round(pairs / item.pairs_per_second, 1)}


LEFT = ("architecture", "log-volume by")
"""Columns of text."""


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    titles = {"pairs_per_second": "pairs/s", "run_pairs": "run: pairs", "run_seconds": "run: seconds"}
    titles |= {"ms_per_point": "ms a point", "times_as_fast": "times as fast"}
    if "run_pairs" in rows[0]:  # what was measured beside the rate would not fit beside it
        rows = [{key: value for key, value in row.items() if key not in ("pairs", "seconds")} for row in rows]
    table = Table()
    for name in rows[0]:
        table.add_column(titles.get(name, name), justify="left" if name in LEFT else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int | float) else str(value) for value in row.values()))
    console().print(table)
