"""`geomsym volume`: the geometry of a representation."""

from pathlib import Path
from typing import Annotated

import typer

from geomsym.config import GeometryConfig, RunConfig

from .options import (
    Cfg,
    DataRoot,
    Device,
    DeviceOption,
    Json,
    Name,
    Out,
    Overrides,
    Workers,
    resolve_device,
    use_data_root,
)
from .work import default_workers, do_jobs, do_runs, report_failures, say


def volume(
    overrides: Overrides = None,
    grid: Annotated[bool, typer.Option("--grid", help="Over a grid, for data in the plane.")] = False,
    interpolate: Annotated[bool, typer.Option("--interpolate", help="Along a path between two samples.")] = False,
    plane: Annotated[bool, typer.Option("--plane", help="Over the plane through three samples.")] = False,
    name: Name = None,
    out: Out = Path("outputs"),
    device: DeviceOption = Device.auto,
    data_root: DataRoot = None,
    workers: Workers = None,
    cfg: Cfg = False,
    as_json: Json = False,
) -> None:
    """Measure metric, volume element and curvature of trained networks' representations.

    Runs that aren't finished are trained first, with their weights kept at inference.checkpoint_steps.

    By default these are the initialisation and the last step.

    geometry.layer=all measures every hidden layer. Several seeds give intervals.

    data.shuffle_labels=false,true adds networks trained on shuffled labels as a control.
    """
    from geomsym.execute import keep_initial_weights
    from geomsym.identity import run_id

    from .compose import compose_volume, resolved_volume

    chosen = [kind for kind, given in (("grid", grid), ("path", interpolate), ("plane", plane)) if given]
    if len(chosen) > 1:
        raise typer.BadParameter("one of --grid, --interpolate and --plane at a time")
    arguments = [*(f"geometry={kind}" for kind in chosen), *(overrides or [])]
    if cfg:
        typer.echo(resolved_volume(arguments), nl=False)
        return
    use_data_root(data_root)
    experiment, composed, geometry = compose_volume(arguments)
    runs = list({run_id(run): run for run in map(keep_initial_weights, composed)}.values())
    _do(out / (name or experiment or "volume"), runs, geometry, resolve_device(device), workers, as_json)


def _do(
    folder: Path, runs: list[RunConfig], geometry: GeometryConfig, device: str, workers: int | None, as_json: bool
) -> None:
    """Train and measure what isn't yet, and print the statistics of all."""
    from geomsym.execute.scans import copy_finished_run, scan_id, write_magnification
    from geomsym.results import collect
    from geomsym.run import check_scans

    from .tables import outcomes, print_magnification

    check_scans(runs, geometry, device)
    for run in runs:
        copy_finished_run(folder, run)
    failed = _train_and_measure(folder, runs, geometry, device, workers or default_workers(device))
    results = collect(folder)
    print_magnification(write_magnification(folder, results), scan_id(geometry), as_json)
    say(outcomes(results.runs) + ("; diverged ones don't count" if "diverged" in set(results.runs.status) else ""))
    say(f"Tables in {folder}; figures with: geomsym plot {folder}")
    if failed:
        raise typer.Exit(1)


def _train_and_measure(
    folder: Path, runs: list[RunConfig], geometry: GeometryConfig, device: str, workers: int
) -> bool:
    """Train the runs that aren't finished, measure those that aren't measured; whether any of this failed."""
    from functools import partial

    from geomsym.execute.scans import is_scanned, perform_scan

    failures = do_runs(folder, runs, device, workers)
    trained = [run for index, run in enumerate(runs) if index not in failures]
    left = [run for run in trained if not is_scanned(folder, run, geometry)]
    scans = [partial(perform_scan, folder, run, geometry, device) for run in left]
    failed = do_jobs(folder, left, scans, workers, what="scans") if scans else {}
    for items, errors in ((runs, failures), (left, failed)):
        if errors:
            report_failures(folder, items, errors)
    return bool(failures or failed)
