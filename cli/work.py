"""Do runs under an experiment's folder, with a live display; what `train` and `sweep` share."""

from pathlib import Path

import typer

from geomsym.config import RunConfig


def do_runs(experiment: Path, runs: list[RunConfig], device: str, workers: int) -> None:
    """Do those runs that have no result yet, and collect the experiment's tables.

    A failed run doesn't stop the others. A single run's error is raised as it is; those of several are listed, and the
    command ends with exit code 1. Ctrl-C and SIGTERM end the command after the tables are collected; the same command
    continues.
    """
    from geomsym.execute import execute, is_finished, plan
    from geomsym.results import collect

    from .interrupt import Interrupted, interruptible
    from .progress import RunProgress

    left = [run for run in runs if not is_finished(experiment, run)]
    if not left:
        say(f"{'The run is' if len(runs) == 1 else f'All {len(runs)} runs are'} finished: nothing to do.")
        collect(experiment)
        return
    try:
        with interruptible(), RunProgress(left) as display:
            for run in left:
                plan(experiment, run)
            execute(experiment, left, device, workers, display.progress, display.done)
    except Interrupted as interrupt:
        done = len(runs) - sum(not is_finished(experiment, run) for run in runs)
        say(f"Interrupted with {done} of {len(runs)} runs finished. The same command continues.")
        raise typer.Exit(interrupt.exit_code) from None
    finally:
        collect(experiment)
    report_failures(experiment, left, display.failures)


def report_failures(experiment: Path, runs: list[RunConfig], failures: dict[int, Exception]) -> None:
    """Raise a single run's error; list those of several and exit with code 1."""
    from geomsym.execute import folder_of

    from .progress import title

    if not failures:
        return
    if len(runs) == 1:
        raise failures[0]
    for index, error in sorted(failures.items()):
        say(f"failed: {title(runs[index])}: {error}\n  traceback in {folder_of(experiment, runs[index]) / 'error.txt'}")
    say(f"{len(failures)} of {len(runs)} runs failed. The same command tries them again.")
    raise typer.Exit(1)


def say(message: str) -> None:
    """Tell the person at the terminal, beside the command's own output."""
    typer.echo(message, err=True)
