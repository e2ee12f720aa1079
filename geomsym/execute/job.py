"""Jobs: pieces of work as plain data, done wherever an executor takes them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from geomsym.config import ArchitectureConfig, GeometryConfig
from geomsym.inference.result import ReportProgress
from geomsym.results import RunFolder


@dataclass(frozen=True)
class Job(ABC):
    """Work on one run."""

    run: RunFolder

    @abstractmethod
    def do(self, device: str, report: ReportProgress) -> None:
        """Do the work with the device, the data and the cores of this place, and write down what came of it."""

    @abstractmethod
    def fail(self, error: Exception, device: str) -> None:
        """Write down that the job failed, where what did it came to an end before it could do so."""


@dataclass(frozen=True)
class RunJob(Job):
    """Do a run; kernels of networks `alongside` that one pass over the images can serve are computed with its own."""

    alongside: tuple[ArchitectureConfig, ...] = ()

    def do(self, device: str, report: ReportProgress) -> None:
        """See `geomsym.execute.record.perform`."""
        from geomsym.execute.record import perform

        perform(self.run, device, report, self.alongside)

    def fail(self, error: Exception, device: str) -> None:
        """See `RunFolder.fail`."""
        self.run.fail(error, device)


@dataclass(frozen=True)
class ScanJob(Job):
    """Measure the geometry of a finished run."""

    geometry: GeometryConfig

    def do(self, device: str, report: ReportProgress) -> None:
        """See `geomsym.execute.scans.perform_scan`."""
        from geomsym.execute.scans import perform_scan

        perform_scan(self.run, self.geometry, device, report)

    def fail(self, error: Exception, device: str) -> None:
        """Nothing is written of a scan that isn't finished."""
