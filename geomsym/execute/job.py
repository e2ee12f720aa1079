"""Jobs: pieces of work as plain data, done wherever an executor takes them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from geomsym.config import ArchitectureConfig, GeometryConfig, RunConfig
from geomsym.inference.result import ReportProgress


@dataclass(frozen=True)
class Job(ABC):
    """Work on one run of an experiment, which is a folder."""

    experiment: Path
    config: RunConfig

    @abstractmethod
    def do(self, device: str, report: ReportProgress) -> None:
        """Do the work with the device, the data and the cores of this place, and write down what came of it."""


@dataclass(frozen=True)
class RunJob(Job):
    """Do a run; kernels of networks `alongside` that one pass over the images can serve are computed with its own."""

    alongside: tuple[ArchitectureConfig, ...] = ()

    def do(self, device: str, report: ReportProgress) -> None:
        """See `geomsym.execute.record.perform`."""
        from geomsym.execute.record import perform

        perform(self.experiment, self.config, device, report, self.alongside)


@dataclass(frozen=True)
class ScanJob(Job):
    """Measure the geometry of a finished run."""

    geometry: GeometryConfig

    def do(self, device: str, report: ReportProgress) -> None:
        """See `geomsym.execute.scans.perform_scan`."""
        from geomsym.execute.scans import perform_scan

        perform_scan(self.experiment, self.config, self.geometry, device, report)
