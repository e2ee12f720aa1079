"""Do one run, and hand what came of it to its folder."""

from collections.abc import Iterator, Sequence

from geomsym.architectures import architecture_specs
from geomsym.config import ArchitectureConfig, KernelRegressionConfig, RunConfig
from geomsym.data import looked_at_once
from geomsym.execute.job import RunJob
from geomsym.inference import InferenceResult, ReportProgress, silent
from geomsym.kernels import Kernels
from geomsym.kernels.store import FolderStore
from geomsym.results import RunFolder
from geomsym.run import run

KERNELS = ".kernels"
"""The folder of kernel tiles, beside the experiments' folders."""


@looked_at_once()
def perform(
    folder: RunFolder, device: str, report: ReportProgress = silent, alongside: Sequence[ArchitectureConfig] = ()
) -> None:
    """Do a run and write its files. An error is written down as status «failed», then raised.

    Tiles of kernel matrices are kept beside the experiments, for all of them; networks `alongside` that one pass over
    the images can serve get theirs too.
    """
    folder.begin(device)
    try:
        networks = tuple(architecture_specs(architecture, outputs=1) for architecture in alongside)
        kernels = Kernels(store=FolderStore(folder.experiment.parent / KERNELS), alongside=networks)
        found = run(folder.cfg, device, report, kernels)
        fit = found.fit
        folder.finish(fit.status, device, found.seconds, fit.metrics, _rows(fit), found.class_names, fit.checkpoints)
    except Exception as error:
        folder.fail(error, device)
        raise


def jobs(runs: Sequence[RunFolder]) -> list[RunJob]:
    """The jobs of a sweep: those that ask for kernels of the same images know of each other."""
    beside = alongside([folder.cfg for folder in runs])
    return [RunJob(folder, others) for folder, others in zip(runs, beside, strict=True)]


def alongside(runs: Sequence[RunConfig]) -> list[tuple[ArchitectureConfig, ...]]:
    """For each run the architectures whose kernels are asked for by runs on the same images, its own included."""

    def images(cfg: RunConfig) -> str | None:
        if not isinstance(cfg.inference, KernelRegressionConfig):
            return None
        seed = cfg.transform_seed if cfg.transform.name != "identity" else 0
        return repr((cfg.data, cfg.transform.name, cfg.transform.strength, seed, cfg.dtype))

    shared: dict[str | None, dict[str, ArchitectureConfig]] = {}
    for cfg in runs:
        shared.setdefault(images(cfg), {})[repr(cfg.architecture)] = cfg.architecture
    return [() if images(cfg) is None else tuple(shared[images(cfg)].values()) for cfg in runs]


def _rows(fit: InferenceResult) -> Iterator[tuple[int, float, str, str, float]]:
    """The scores along training in long form: step, epoch, split, metric, value."""
    for step, scores in fit.curve.items():
        for (split, metric), value in scores.items():
            yield step, step / fit.steps_per_epoch, split, metric, value
