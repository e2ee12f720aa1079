"""Do runs under an experiment's folder, with a live display; what `train` and `sweep` share."""

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from geomsym.config import KernelRegressionConfig, RunConfig
from geomsym.system_errors import explanation

if TYPE_CHECKING:
    from geomsym.execute import Executor, Job
    from geomsym.results import Results, RunFolder


@dataclass(frozen=True)
class Outcome:
    """What came of some work: the errors by the index of the run, and the experiment's tables."""

    failures: dict[int, Exception]
    results: "Results"


def distinct_runs(experiment: Path, configs: Iterable[RunConfig]) -> "list[RunFolder]":
    """The runs that configurations describe in an experiment, in order, each once."""
    from geomsym.results import RunFolder

    return list({folder.id: folder for folder in (RunFolder(experiment, cfg) for cfg in configs)}.values())


def executor(device: str, workers: int | None) -> "Executor":
    """Where jobs are done: in worker processes, by default one on each core of a CPU; a single one in this process."""
    from geomsym.cores import available_cores
    from geomsym.execute import Processes, Serial

    workers = workers or (available_cores() if device == "cpu" else 1)
    return Serial(device) if workers == 1 else Processes(device, workers)


def do_runs(experiment: Path, runs: "list[RunFolder]", place: "Executor") -> Outcome:
    """Do those runs of an experiment that have no result yet, and collect the tables.

    Raises `UserError` before anything is written where a run can't be done, or its results couldn't be written. One
    that fails all the same doesn't stop the others. Ctrl-C and SIGTERM end the command after the tables are collected;
    the same command continues.
    """
    from geomsym.execute import jobs
    from geomsym.run import check_runs

    left = [index for index, run in enumerate(runs) if not run.is_finished]
    if not left:
        say(f"Nothing to do: finished already, {len(runs)} of {len(runs)}.")
        return Outcome({}, collected(experiment))
    to_do = [runs[index] for index in left]
    check_runs([run.cfg for run in to_do], place.device)
    require_room(experiment, to_do)
    for run in to_do:
        _plan(run)
    done = do_jobs(experiment, jobs(to_do), place)
    return Outcome({left[index]: error for index, error in done.failures.items()}, done.results)


def require_room(experiment: Path, runs: "Sequence[RunFolder]") -> None:
    """Raise `UserError` where the tables of an experiment or what these runs give couldn't be written."""
    from geomsym import results
    from geomsym.execute.record import KERNELS
    from geomsym.files import require_writable_folder

    results.require_room(experiment)
    if any(isinstance(run.cfg.inference, KernelRegressionConfig) for run in runs):
        require_writable_folder(experiment.parent / KERNELS)


def _plan(run: "RunFolder") -> None:
    """Note that a run is to be done; a spoilt folder is told, and if it can't be mended that is the run's failure."""
    found = run.trouble
    if found is None:
        run.plan()
    else:
        say(f"Spoilt, and done again now: {found}")


def collected(experiment: Path, must_write: bool = False) -> "Results":
    """An experiment's tables, which are written too; says which folders are left out of them, and why.

    Tables of results that are someone else's can't be written, and needn't: unless they must, that is only said.
    """
    from geomsym.results import gather, write_tables

    results = gather(experiment)
    say_spoilt(results.spoilt)
    try:
        write_tables(experiment, results)
    except OSError as error:
        if must_write:
            raise
        say(f"The tables in {experiment} are not brought up to date. {explanation(error)}")
    return results


def say_spoilt(messages: Sequence[str]) -> None:
    """Say what is wrong with folders that are left out; of many, the first few."""
    for message in messages[:SHOWN]:
        say(f"Left out: {message}")
    if len(messages) > SHOWN:
        say(f"Left out: {len(messages) - SHOWN} more")


SHOWN = 10
"""The most messages of a kind that are printed."""


def do_jobs(experiment: Path, work: "Sequence[Job]", place: "Executor", what: str = "runs") -> Outcome:
    """Do jobs, and collect the tables."""
    from geomsym.execute import complete

    from .interrupt import Interrupted, interruptible
    from .progress import JobProgress
    from .warnings import warnings_said

    display = JobProgress([job.run.cfg for job in work], what)
    try:
        with interruptible(), warnings_said(say), display:
            complete(work, place, display.show)
    except Interrupted as interrupt:
        say(f"Interrupted with {display.succeeded} of {len(work)} {what} done. The same command continues.")
        raise typer.Exit(interrupt.exit_code) from None
    finally:
        results = collected(experiment, must_write=not display.failures)
    return Outcome(display.failures, results)


def report_failures(experiment: Path, runs: "list[RunFolder]", failures: dict[int, Exception]) -> None:
    """List the runs that failed, once for each reason."""
    from .progress import title

    reasons: dict[str, list[RunFolder]] = {}
    for index, error in failures.items():
        reasons.setdefault(explanation(error) or str(error), []).append(runs[index])
    for reason, failed in list(reasons.items())[:SHOWN]:
        say(f"{len(failed)} failed, the first {title(failed[0].cfg)} ({failed[0].path}): {reason}")
    if len(reasons) > SHOWN:
        say(f"… and for {len(reasons) - SHOWN} more reasons, in the column error of {experiment / 'runs.csv'}")
    say(f"{len(failures)} of {len(runs)} runs failed. The same command tries them again.")


def exit_code(failures: Collection[Exception]) -> int:
    """2 where the system refused every run that failed, as on a full disk; else 1."""
    return 2 if all(isinstance(error, OSError) for error in failures) else 1


def quote(path: Path) -> str:
    """A path as it is typed in a shell."""
    return shlex.quote(str(path))


def say(message: str) -> None:
    """Print a message on standard error, so that it doesn't mix with the command's output."""
    typer.echo(message, err=True)
