"""A set of jobs, done by an executor and shown."""

from collections.abc import Sequence

from geomsym.execute.base import Event, Executor, Failed, Tell
from geomsym.execute.deaths import WorkerDied
from geomsym.execute.job import Job


def complete(jobs: Sequence[Job], executor: Executor, show: Tell) -> dict[int, Exception]:
    """Do all jobs and show their events; returns the errors of those that failed, by their indices.

    What failed because its worker died couldn't say so itself, and is written down here.
    """
    failures: dict[int, Exception] = {}

    def tell(event: Event) -> None:
        if isinstance(event, Failed):
            failures[event.job] = event.error
            if isinstance(event.error, WorkerDied):
                jobs[event.job].fail(event.error, executor.device)
        show(event)

    executor.run(jobs, tell)
    return failures
