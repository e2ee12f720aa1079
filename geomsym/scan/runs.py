"""The geometry of configured runs."""

from collections.abc import Sequence

from geomsym.config import GeometryConfig, RunConfig
from geomsym.inference import ReportProgress, silent
from geomsym.run import prepare
from geomsym.scan.networks import State
from geomsym.scan.tables import Scan, check_scan, scan


def measure(
    cfg: RunConfig,
    geometry: GeometryConfig,
    states: dict[int, State],
    device: str = "cpu",
    report: ReportProgress = silent,
) -> Scan:
    """Measure the geometry of a run's representation, with the parameters that it had at some training steps."""
    specs, dataset = prepare(cfg, device)
    return scan(specs, dataset, states, geometry, cfg.seed, report)


def check_scans(configs: Sequence[RunConfig], geometry: GeometryConfig, device: str = "cpu") -> None:
    """Raise the `UserError` of the first run whose geometry couldn't be measured so, before any is trained."""
    tried = set()
    for cfg in configs:
        kind = repr((cfg.data, cfg.architecture))
        if kind not in tried:
            tried.add(kind)
            specs, dataset = prepare(cfg, device)
            check_scan(specs, dataset, geometry)
