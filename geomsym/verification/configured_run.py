"""The theorems for one configured run: its architecture, its algorithm, its transform, its data.

Everything is computed in float64, whatever the configuration's dtype, because equality up to rounding is checked.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from geomsym import data
from geomsym.architectures import architecture_specs
from geomsym.config import GradientDescentConfig, KernelRegressionConfig, RunConfig
from geomsym.data import Dataset
from geomsym.errors import ConfigError
from geomsym.inference import ReportProgress, silent
from geomsym.theory.checks import Check
from geomsym.theory.inclusion import inclusions_of
from geomsym.theory.invariance import Discovery, check_invariance, check_kernels, discover
from geomsym.transforms import Transform, sample_transform
from geomsym.transforms.sample import is_not_identity

KERNEL_IMAGES = 10
"""How many images' kernels are compared."""

OUTPUT_IMAGES = 100
"""On how many images the outputs of embedded networks are compared, at most."""


def invariance_of(cfg: RunConfig, steps: int, device: str = "cpu", report: ReportProgress = silent) -> Check:
    """Theorem 4.1 for a run: coupled training for `steps` steps, or the kernels of ntk and nngp.

    Raises a `ConfigError` as `check_invariance` does, and for a transform that is the identity.
    """
    if isinstance(cfg.inference, KernelRegressionConfig):
        return kernels_of(cfg, device, report)
    training, dataset = _training(cfg, steps), _data(cfg, device)
    specs = architecture_specs(cfg.architecture, dataset.classes)
    tau = _element(cfg, dataset)
    return check_invariance(
        specs, cfg.transform.name, cfg.architecture.label, dataset, training, cfg.seed, tau=tau, report=report
    )


def kernels_of(cfg: RunConfig, device: str = "cpu", report: ReportProgress = silent) -> Check:
    """Theorem 4.1 at infinite width for a run: the kernels of its first `KERNEL_IMAGES` training images.

    Raises a `ConfigError` as `invariance_of` does, and where the layers have no known kernel.
    """
    dataset = _data(cfg, device)
    specs = architecture_specs(cfg.architecture, dataset.classes)
    tau = _element(cfg, dataset)
    images = dataset.train.x[:KERNEL_IMAGES]
    return check_kernels(specs, cfg.transform.name, cfg.architecture.label, images, tau=tau, report=report)


def inclusion_of(cfg: RunConfig, device: str = "cpu") -> Iterator[Check]:
    """Theorem 3.1 for a run: its network embedded in every larger family, compared on its first test images.

    Raises a `ConfigError` as `geomsym.theory.inclusion.inclusions_of` does.
    """
    dataset = _data(cfg, device)
    specs = architecture_specs(cfg.architecture, dataset.classes)
    return inclusions_of(specs, dataset.test.x[:OUTPUT_IMAGES], cfg.seed)


def discover_of(cfg: RunConfig, steps: int, device: str = "cpu", report: ReportProgress = silent) -> Discovery:
    """The largest group that training of a run is invariant to, among all groups; the run's own transform is ignored.

    Raises a `ConfigError` as `geomsym.theory.discover` does, and for inference other than training.
    """
    training, dataset = _training(cfg, steps), _data(cfg, device)
    specs = architecture_specs(cfg.architecture, dataset.classes)
    return discover(specs, cfg.architecture.label, dataset, training, cfg.seed, report)


def _training(cfg: RunConfig, steps: int) -> GradientDescentConfig:
    if not isinstance(cfg.inference, GradientDescentConfig):
        raise ConfigError("inference", cfg.inference.name, "is not trained: give nn, nn_plus or cross_entropy")
    return replace(cfg.inference, max_steps=steps, checkpoint_steps=[])


def _data(cfg: RunConfig, device: str) -> Dataset:
    return data.load(cfg.data, torch.float64, device)


def _element(cfg: RunConfig, dataset: Dataset) -> Transform:
    """The run's element τ; raises a `ConfigError` if it is the identity, which leaves nothing to check."""
    name, strength = cfg.transform.name, cfg.transform.strength
    if name == "identity":
        raise ConfigError("transform", name, "every algorithm is invariant to it: give another group, or --discover")
    seed = cfg.transform_seed
    device = dataset.train.x.device
    tau = sample_transform(name, dataset.input_shape, seed, strength, torch.float64, device)
    if not is_not_identity(tau):
        key, value = ("transform.seed", seed) if strength is None else ("transform.strength", strength)
        raise ConfigError(key, value, f"the element of {name} is the identity, which shows nothing: give another")
    return tau
