"""A set of jobs, done by an executor, shown, and what came of them written down where they couldn't do so."""

from collections.abc import Sequence
from contextlib import suppress

from geomsym.execute.base import Event, Executor, Failed, Tell
from geomsym.execute.deaths import WorkerDied
from geomsym.execute.job import Job, RunJob
from geomsym.execute.record import write_failure


def complete(jobs: Sequence[Job], executor: Executor, device: str, show: Tell) -> dict[int, Exception]:
    """Do all jobs and show their events; returns the errors of those that failed, by their indices.

    A run whose worker died couldn't write down itself that it failed, and why.
    """
    failures: dict[int, Exception] = {}

    def tell(event: Event) -> None:
        if isinstance(event, Failed):
            failures[event.job], job = event.error, jobs[event.job]
            if isinstance(event.error, WorkerDied) and isinstance(job, RunJob):
                with suppress(OSError):
                    write_failure(job.experiment, job.config, device, event.error)
        show(event)

    executor.run(jobs, tell)
    return failures
