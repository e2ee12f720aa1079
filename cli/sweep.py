"""`geomsym sweep`: a grid of triplets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from .work import distinct_runs, do_runs, executor, exit_code, quote, report_failures, say

if TYPE_CHECKING:
    from geomsym.results import RunFolder

DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs and stop.")]


def sweep(
    overrides: Overrides = None,
    out: Out = Path("outputs"),
    name: Name = None,
    workers: Workers = None,
    device: DeviceOption = Device.auto,
    data_root: DataRoot = None,
    cfg: Cfg = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Do a grid of runs: an experiment, or lists of values such as architecture=fcn,gap seed=0,1.

    Values follow Hydra's sweep grammar: a,b  range(1,5)  glob(*)

    axes.NAME=[...] sets an axis of an experiment.

    Finished runs are not done again; an interrupted sweep continues where it stopped.
    """
    from .compose import compose_sweep, resolved
    from .plan_table import print_plan

    if cfg:
        typer.echo(resolved(overrides or [], sweep=True), nl=False)
        return
    use_data_root(data_root)
    experiment, configs = compose_sweep(overrides or [])
    folder = out / (name or experiment or "sweep")
    runs = distinct_runs(folder, configs)
    if dry_run:
        print_plan(folder, runs, as_json)
        return
    _do(folder, runs, resolve_device(device), workers, as_json)


def _do(folder: Path, runs: "list[RunFolder]", device: str, workers: int | None, as_json: bool) -> None:
    """Do the runs that aren't finished, and print what came of all."""
    from .tables import print_summary

    with executor(device, workers) as place:
        done = do_runs(folder, runs, place)
    print_summary(done.results.runs, as_json)
    say(f"Tables in {folder}; figures with: geomsym plot {quote(folder)}")
    if done.failures:
        report_failures(folder, runs, done.failures)
        raise typer.Exit(exit_code(done.failures.values()))
