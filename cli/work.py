"""Do runs under an experiment's folder, with a live display; what `train` and `sweep` share."""

from pathlib import Path

import typer

from geomsym.config import RunConfig


def do_runs(experiment: Path, runs: list[RunConfig], device: str, workers: int) -> dict[int, Exception]:
    """Do those runs that have no result yet, collect the tables, and return the errors by the index of the run.

    Raises `UserError` before anything is written where a run can't be done. One that fails all the same doesn't stop
    the others. Ctrl-C and SIGTERM end the command after the tables are collected; the same command continues.
    """
    from geomsym.execute import execute, is_finished, jobs, plan
    from geomsym.results import collect
    from geomsym.run import check

    from .interrupt import Interrupted, interruptible
    from .progress import RunProgress

    left = [index for index, run in enumerate(runs) if not is_finished(experiment, run)]
    if not left:
        say(f"Nothing to do: finished already, {len(runs)} of {len(runs)}.")
        collect(experiment)
        return {}
    check([runs[index] for index in left], device)
    try:
        with interruptible(), RunProgress([runs[index] for index in left]) as display:
            for index in left:
                plan(experiment, runs[index])
            execute(jobs(experiment, [runs[index] for index in left], device), workers, display.progress, display.done)
    except Interrupted as interrupt:
        finished = sum(is_finished(experiment, run) for run in runs)
        say(f"Interrupted with {finished} of {len(runs)} runs finished. The same command continues.")
        raise typer.Exit(interrupt.exit_code) from None
    finally:
        collect(experiment)
    return {left[index]: error for index, error in display.failures.items()}


def say(message: str) -> None:
    """Tell the person at the terminal, beside the command's own output."""
    typer.echo(message, err=True)
