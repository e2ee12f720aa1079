"""Do runs under an experiment's folder, with a live display; what `train` and `sweep` share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from geomsym.config import RunConfig
from geomsym.errors import UserError

if TYPE_CHECKING:
    from geomsym.execute import Job


def do_runs(experiment: Path, runs: list[RunConfig], device: str, workers: int) -> dict[int, Exception]:
    """Do those runs that have no result yet, collect the tables, and return the errors by the index of the run.

    Raises `UserError` before anything is written where a run can't be done. One that fails all the same doesn't stop
    the others. Ctrl-C and SIGTERM end the command after the tables are collected; the same command continues.
    """
    from geomsym.execute import is_finished, jobs, plan
    from geomsym.results import collect
    from geomsym.run import check_runs

    left = [index for index, run in enumerate(runs) if not is_finished(experiment, run)]
    if not left:
        say(f"Nothing to do: finished already, {len(runs)} of {len(runs)}.")
        collect(experiment)
        return {}
    check_runs([runs[index] for index in left], device)
    for index in left:
        plan(experiment, runs[index])
    failures = do_jobs(experiment, [runs[i] for i in left], jobs(experiment, [runs[i] for i in left], device), workers)
    return {left[index]: error for index, error in failures.items()}


def do_jobs(
    experiment: Path, runs: Sequence[RunConfig], work: "Sequence[Job]", workers: int, what: str = "runs"
) -> dict[int, Exception]:
    """Do one job for each of the runs, collect the tables, and return the errors by the index of the job."""
    from geomsym.execute import WorkerDied, execute
    from geomsym.results import collect

    from .interrupt import Interrupted, interruptible
    from .progress import JobProgress, title
    from .warnings import warnings_said

    display = JobProgress(runs, what)
    try:
        with interruptible(), warnings_said(say), display:
            execute(work, workers, display.progress, display.done)
    except Interrupted as interrupt:
        say(f"Interrupted with {display.succeeded} of {len(runs)} {what} done. The same command continues.")
        raise typer.Exit(interrupt.exit_code) from None
    except WorkerDied as death:
        raise UserError(death.told([title(runs[index]) for index in death.jobs])) from death
    finally:
        collect(experiment)
    return display.failures


def report_failures(folder: Path, runs: list[RunConfig], failures: dict[int, Exception]) -> None:
    """List the runs that failed, once for each reason."""
    from geomsym.execute import folder_of

    from .progress import title

    reasons: dict[str, list[RunConfig]] = {}
    for index, error in failures.items():
        reasons.setdefault(str(error), []).append(runs[index])
    for reason, failed in reasons.items():
        say(f"{len(failed)} failed, the first {title(failed[0])} ({folder_of(folder, failed[0])}): {reason}")
    say(f"{len(failures)} of {len(runs)} runs failed. The same command tries them again.")


def default_workers(device: str) -> int:
    """One worker for each core that this process may use; one on a GPU."""
    from geomsym.cores import available_cores

    return available_cores() if device == "cpu" else 1


def say(message: str) -> None:
    """Print a message on standard error, so that it doesn't mix with the command's output."""
    typer.echo(message, err=True)
