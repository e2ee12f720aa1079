"""What every executor is: it takes jobs, does them somewhere, and tells events: what happens to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from geomsym.execute.job import Job


@dataclass(frozen=True)
class Progressed:
    """A job is being done: so much of the total, with a note such as «steps»."""

    job: int
    done: int
    total: int
    note: str


@dataclass(frozen=True)
class Finished:
    """A job is done."""

    job: int


@dataclass(frozen=True)
class Failed:
    """A job ended with an error, and isn't tried again."""

    job: int
    error: Exception


@dataclass(frozen=True)
class Retried:
    """What did a job came to an end before it was done, by this error; the job begins anew."""

    job: int
    error: Exception


Event = Progressed | Finished | Failed | Retried
"""What happens to a job, which is named by its index among those that were given."""

Tell = Callable[[Event], None]


class Executor(Protocol):
    """Where jobs are done, as often as is asked for inside a `with` block, which ends what was started for them."""

    @property
    def device(self) -> str:
        """The device of every job."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def run(self, jobs: Sequence[Job], tell: Tell) -> None:
        """Do all jobs, and tell each event when it happens; returns when all are done.

        An error in one doesn't keep the others from being done. Every job ends with one `Finished` or `Failed`, and no
        event of it comes later. An exception, such as that of an interrupt, stops what is at work.

        Events are told rather than iterated over: a job of this very process makes progress only while it is called.
        """
        ...
