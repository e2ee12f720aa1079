"""Theorem 4.1 for trained networks: training on τD and on D gives the same predictions, network by network.

Network A trains on (τx, y) from θ0; network B on (x, y), with the same batches, from θ0 with the coupled first layer of
`geomsym.theory.coupling`. Where that layer is exact, the gradients of the two first layers are related by the same
orthogonal map as their weights, and so are momentum, weight decay λ/2·|θ|² and every later step: A(τx) = B(x) to
rounding (Xiao & Pennington 2022, Theorem 4.1 in §4, proof in App. D). This holds for every single θ0, whatever its
distribution.

Adam, and a penalty |θ|^p with p ≠ 2, act on each weight separately. So they commute with permutations only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset, Split
from geomsym.errors import ConfigError
from geomsym.inference import ReportProgress, silent
from geomsym.inference.gradient_descent import descend
from geomsym.inference.learning_rate import choose_learning_rate
from geomsym.seeds import torch_generator
from geomsym.theory.coupling import Coupling, coupling
from geomsym.theory.invariant_groups import Penalty
from geomsym.transforms import Transform
from geomsym.transforms.groups import ImageShape

HELD_OUT = 20
"""The largest number of test images that are compared after every step."""


@dataclass(frozen=True)
class Gap:
    """Relative deviations of two coupled networks after one step.

    `predictions`: max|A(τx) − B(x)| / max|A(τx)| over outputs and the first `HELD_OUT` test images. `weights`: the
    largest |θ_A' − θ_B| / |θ_B| of all parameter tensors, Euclidean norms, where θ_A' are A's parameters with the first
    layer coupled anew.
    """

    predictions: float
    weights: float

    @property
    def largest(self) -> float:
        """The larger of the two."""
        return max(self.predictions, self.weights)


@dataclass(frozen=True)
class CoupledTraining:
    """What two coupled networks did: the `residual` of their coupling and their gap after every step, 0 to the last."""

    residual: float
    gaps: tuple[Gap, ...]

    @property
    def deviation(self) -> float:
        """The largest over all steps."""
        return max(gap.largest for gap in self.gaps)


def coupled_config(**changes) -> GradientDescentConfig:
    """Settings for the checks: 100 steps of ten examples, momentum 0.9, λ = 1e-4, a rate that is stable for any K ≥ 2.

    That rate is from λmax of the very network's kernel, of all outputs. Keywords are fields of
    `geomsym.config.GradientDescentConfig`; Adam takes a rate of 0.01.
    """
    rate = 0.01 if changes.get("optimizer") == "adam" else None
    small = {"learning_rate": rate, "learning_rate_factor": 1.0, "l2": 1e-4, "batch_size": 10, "max_steps": 100}
    return GradientDescentConfig(**(small | {"ntk_outputs": "all", "ntk_draws": 1} | changes))


def gaussian_images(
    shape: ImageShape = (3, 4, 4), classes: int = 3, train: int = 30, test: int = 20, seed: int = 0
) -> Dataset:
    """White noise in float64, with labels 0, 1, 2, 0, 1, …: the theorem holds for any images."""
    generator = torch_generator(seed, "theory.images")

    def split(count: int) -> Split:
        images = torch.randn(count, *shape, generator=generator, dtype=torch.float64)
        return Split(images, torch.arange(count) % classes)

    return Dataset(split(train), split(0), split(test), tuple(map(str, range(classes))))


def train_coupled(
    specs: Specs,
    tau: Transform,
    data: Dataset,
    cfg: GradientDescentConfig,
    seed: int,
    penalty: Penalty | None = None,
    enough: float = float("inf"),
    report: ReportProgress = silent,
) -> CoupledTraining:
    """Train A on (τx, y) from θ0 and B on (x, y) from the coupled θ0 side by side, in float64.

    Both have the same learning rate. Training takes all of `cfg.max_steps`, but ends early once a gap reaches
    `enough`. Raises a `ConfigError` where it diverges.
    """
    train, held_out = Split(data.train.x.double(), data.train.y), data.test.x[:HELD_OUT].double()
    turned = Split(tau(train.x), train.y)
    a = build(specs, data.input_shape, seed, torch.float64).to(train.x.device)
    couple = coupling(a, tau)
    residual, b = couple.residual(a), couple(a)
    report(0, cfg.max_steps + 1, "")
    learning_rate = shared_learning_rate(specs, train.x, cfg, seed)
    if penalty:
        add_penalty(a, penalty)
        add_penalty(b, penalty)
    steps = list(range(cfg.max_steps + 1))
    sides = (descend(network, split, cfg, learning_rate, seed, steps) for network, split in ((a, turned), (b, train)))
    gaps = []
    for gap in _gaps(a, b, couple, held_out, zip(*sides, strict=True)):
        if not isfinite(gap.predictions + gap.weights):
            raise _diverged(cfg, learning_rate)
        gaps.append(gap)
        report(len(gaps), len(steps), f"deviation {max(gap.largest for gap in gaps):.0e}")
        if gap.largest >= enough:
            break
    return CoupledTraining(residual, tuple(gaps))


def _diverged(cfg: GradientDescentConfig, learning_rate: float) -> ConfigError:
    """The error under the key that set the learning rate."""
    key = "learning_rate_factor" if cfg.learning_rate is None else "learning_rate"
    reason = f"training diverged within {cfg.max_steps} steps at a rate of {learning_rate:.3g}: give a smaller value"
    return ConfigError(f"inference.{key}", getattr(cfg, key), reason)


def shared_learning_rate(specs: Specs, x: Tensor, cfg: GradientDescentConfig, seed: int) -> float:
    """The rate of `choose_learning_rate` on images of D; in float32, which is enough to find λmax to 1 %."""
    return choose_learning_rate(specs, x.float(), cfg, seed)[1]


def add_penalty(network: nn.Module, penalty: Penalty) -> None:
    """Let every backward pass through this network add the penalty's gradient to that of the loss."""

    def gradient(theta: Tensor) -> Tensor:
        return penalty.strength * theta.abs() ** (penalty.power - 1) * theta.sign()

    for parameter in network.parameters():
        parameter.register_hook(lambda slope, theta=parameter: slope + gradient(theta.detach()))


def _gaps(a: nn.Sequential, b: nn.Sequential, couple: Coupling, images: Tensor, steps: Iterator) -> Iterator[Gap]:
    for _ in steps:
        yield Gap(_prediction_gap(a, b, couple.tau, images), _weight_gap(couple(a), b))


@torch.no_grad()
def _prediction_gap(a: nn.Module, b: nn.Module, tau: Transform, images: Tensor) -> float:
    of_a, of_b = a(tau(images)), b(images)
    return ((of_a - of_b).abs().max() / of_a.abs().max()).item()


@torch.no_grad()
def _weight_gap(a: nn.Module, b: nn.Module) -> float:
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return torch.stack([(of_a - of_b).norm() / of_b.norm() for of_a, of_b in pairs]).max().item()
