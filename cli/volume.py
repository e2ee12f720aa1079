"""`geomsym volume`: the geometry of a representation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geomsym.config import GeometryConfig, keep_initial_weights
from geomsym.system_errors import NOT_OURS, explanation

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
from .work import (
    Outcome,
    distinct_runs,
    do_jobs,
    do_runs,
    executor,
    exit_code,
    quote,
    report_failures,
    require_room,
    say,
)

if TYPE_CHECKING:
    from pandas import DataFrame

    from geomsym.execute import Executor
    from geomsym.results import Results, RunFolder


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
    folder = out / (name or experiment or "volume")
    runs = distinct_runs(folder, map(keep_initial_weights, composed))
    _do(folder, runs, geometry, resolve_device(device), workers, as_json)


def _do(
    folder: Path, runs: "list[RunFolder]", geometry: GeometryConfig, device: str, workers: int | None, as_json: bool
) -> None:
    """Train and measure what isn't yet, and print the statistics of all."""
    from geomsym.results import scan_id
    from geomsym.scan import check_scans

    from .tables import outcomes, print_magnification

    check_scans([run.cfg for run in runs], geometry, device)
    with executor(device, workers) as place:
        done = _train_and_measure(folder, runs, geometry, place)
    print_magnification(_statistics(folder, done.results), scan_id(geometry), as_json)
    measured = done.results.runs
    say(outcomes(measured) + ("; diverged ones don't count" if "diverged" in set(measured.status) else ""))
    say(f"Tables in {folder}; figures with: geomsym plot {quote(folder)}")
    if done.failures:
        raise typer.Exit(exit_code(done.failures.values()))


def _train_and_measure(folder: Path, runs: "list[RunFolder]", geometry: GeometryConfig, place: "Executor") -> Outcome:
    """Train the runs that aren't finished, measure those that aren't measured."""
    from geomsym.execute import ScanJob

    left = [run for run in runs if not (run.is_finished and run.scan(geometry).is_finished)]
    if left:
        require_room(folder, left)
    for run in left:
        run.take_over()
    trained = do_runs(folder, runs, place)
    whole = [run for index, run in enumerate(runs) if index not in trained.failures]
    left = [run for run in whole if not run.scan(geometry).is_finished]
    scans = [ScanJob(run, geometry) for run in left]
    measured = do_jobs(folder, scans, place, what="scans") if scans else Outcome({}, trained.results)
    for items, failures in ((runs, trained.failures), (left, measured.failures)):
        if failures:
            report_failures(folder, items, failures)
    errors = [*trained.failures.values(), *measured.failures.values()]
    return Outcome(dict(enumerate(errors)), measured.results)


def _statistics(folder: Path, results: "Results") -> "DataFrame":
    """The statistics over seeds; kept, unless the results are someone else's and can't be written."""
    from geomsym.execute.scans import magnification_of, write_magnification

    try:
        return write_magnification(folder, results)
    except OSError as error:
        if error.errno not in NOT_OURS:
            raise
        say(f"The statistics are not kept. {explanation(error)}")
        return magnification_of(results)
