"""One run, from its configuration to its result: data -> transform -> architecture -> inference -> record."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import torch

from geomsym import data
from geomsym.architectures import architecture_specs
from geomsym.architectures.layer_specs import Specs, shapes
from geomsym.config import DataConfig, RunConfig
from geomsym.data.registry import source_folder
from geomsym.errors import look_up
from geomsym.inference import INFERENCE, InferenceResult, ReportProgress, silent
from geomsym.kernels import Kernels
from geomsym.threads import keep_torch_to_cores
from geomsym.transforms import check_transform, sample_transform


@dataclass(frozen=True)
class RunResult:
    """What a run gave: its configuration, the fit, the device, the seconds it took, the classes' names."""

    config: RunConfig
    fit: InferenceResult
    device: str
    seconds: float
    class_names: tuple[str, ...] = ()


@data.looked_at_once()
def run(
    cfg: RunConfig, device: str = "cpu", report: ReportProgress = silent, kernels: Kernels | None = None
) -> RunResult:
    """Do one run; nothing is read but the data set, and nothing is written, unless `kernels` has a store.

    Raises `UserError` where the configuration can't be carried out: data that isn't there, a transform or a layer
    that doesn't fit the images, a name that isn't in its registry.

    The four corners of the exclusive or, by kernel regression with the tangent kernel of a network of infinite width:

    >>> from geomsym.config import ArchitectureConfig, KernelRegressionConfig, RunConfig, XorConfig
    >>> network, ntk = ArchitectureConfig("fcn", depth=2), KernelRegressionConfig("ntk")
    >>> result = run(RunConfig(XorConfig(noise_variance=0), architecture=network, inference=ntk))
    >>> result.fit.status, result.fit.metrics["test_accuracy"]
    ('ok', 1.0)
    """
    start = perf_counter()
    specs, dataset = prepare(cfg, device)
    infer = look_up("inference.name", cfg.inference.name, INFERENCE)
    fit = infer(specs, dataset, cfg.inference, cfg.seed, report, kernels)
    return RunResult(cfg, fit, device, perf_counter() - start, dataset.class_names)


def prepare(cfg: RunConfig, device: str) -> tuple[Specs, data.Dataset]:
    """The layers of a run, and its data, transformed, on the device."""
    keep_torch_to_cores()
    torch.backends.cudnn.allow_tf32 = False  # convolutions in true float32, as matrix products are
    dataset = _load(cfg.data, getattr(torch, cfg.dtype), device)
    transform = sample_transform(
        cfg.transform.name,
        dataset.input_shape,
        cfg.transform_seed,
        cfg.transform.strength,
        dataset.train.x.dtype,
        device,
    )
    return architecture_specs(cfg.architecture, outputs=dataset.classes), dataset.map(transform)


def check_runs(configs: Sequence[RunConfig], device: str = "cpu") -> None:
    """Raise the `UserError` of the first run that couldn't be done, before time is spent on any.

    Looks at the data's labels and one image, at the transform's group, and at the shapes between layers.
    """
    inspected = {}
    for cfg in configs:
        if repr(cfg.data) not in inspected:
            inspected[repr(cfg.data)] = data.inspect(cfg.data)
        shape, classes = inspected[repr(cfg.data)]
        check_transform(cfg.transform.name, shape, cfg.transform.strength, getattr(torch, cfg.dtype), device)
        shapes(architecture_specs(cfg.architecture, classes), shape)
        look_up("inference.name", cfg.inference.name, INFERENCE)


_loaded: dict[tuple, data.Dataset] = {}
"""The last data set: the runs of a sweep mostly share theirs, and decoding a folder of images takes its time."""


def _load(cfg: DataConfig, dtype: torch.dtype, device: str) -> data.Dataset:
    key = (repr(cfg), source_folder(cfg), data.fingerprint(cfg), dtype, device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = data.load(cfg, dtype, device)
    return _loaded[key]
