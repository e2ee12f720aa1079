"""Jobs one after the other in this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from geomsym.execute.base import Failed, Finished, Progressed, Tell
from geomsym.execute.job import Job


@dataclass(frozen=True)
class Serial:
    """Does jobs one after the other, on all cores."""

    device: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was started."""

    def run(self, jobs: Sequence[Job], tell: Tell) -> None:
        """See `Executor`."""
        for index, job in enumerate(jobs):
            report = partial(_progress, tell, index)
            try:
                job.do(self.device, report)
            except Exception as error:
                tell(Failed(index, error))
            else:
                tell(Finished(index))


def _progress(tell: Tell, job: int, done: int, total: int, note: str) -> None:
    tell(Progressed(job, done, total, note))
