"""Mini-batch gradient descent on a finite network: the algorithms `nn`, `nn_plus` and `cross_entropy`.

Xiao & Pennington (2022, App. B.1). A run is fitted when its training accuracy reached 95 %; it ends early
when an evaluation finds all training examples right. Test accuracy is measured along training: its maximum is
the paper's figure, its value where validation accuracy is highest is the honest one.
"""

from collections.abc import Iterator
from itertools import islice, pairwise
from math import ceil

import torch
from torch import Tensor, nn

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset, Split
from geomsym.inference.evaluation import evaluate
from geomsym.inference.learning_rate import choose_learning_rate, stable_learning_rate, warn_of_instability
from geomsym.inference.losses import objective
from geomsym.inference.result import FITTED, Course, InferenceResult, ReportProgress, Scores, best, silent, summarize
from geomsym.kernels import Kernels
from geomsym.seeds import torch_generator

DIVERGED = 1e4
"""A training loss this many times the initial one counts as divergence, and so does one that isn't finite."""

EVALUATION_SHARE = 0.1
"""The part of the training time that automatic evaluation may take."""


def gradient_descent(
    specs: Specs,
    data: Dataset,
    cfg: GradientDescentConfig,
    seed: int,
    report: ReportProgress = silent,
    kernels: Kernels | None = None,
) -> InferenceResult:
    """Train a network with these layer specs, initial values from `seed`, on the data's dtype and device.

    `kernels` is there for the signature that all algorithms share.
    """
    x = data.train.x
    lambda_max, learning_rate = choose_learning_rate(specs, x, cfg, seed, report)
    network = build(specs, tuple(x.shape[1:]), seed, x.dtype).to(x.device)
    warn_of_instability(cfg, learning_rate, stable_learning_rate(network, x, cfg, report), data.classes)
    course = Course(report, cfg.max_steps)
    curve: dict[int, Scores] = {}
    checkpoints: dict[int, dict[str, Tensor]] = {}
    diverged = False
    for step, loss in descend(network, data.train, cfg, learning_rate, seed, pauses(data, cfg), course):
        first = Course(report, sum(map(len, data.splits.values())), "evaluation") if step == 0 else None
        scores = evaluate(network, data, cfg, first)
        ceiling = DIVERGED * curve[0]["train", cfg.loss] if curve else float("inf")
        diverged = not (loss < ceiling and scores["train", cfg.loss] < ceiling)  # true of nan as well
        if diverged:
            break
        curve[step] = scores
        finished = cfg.stop_when_fitted and scores["train", "accuracy"] == 1
        if step in cfg.checkpoint_steps or (cfg.checkpoint_steps and (finished or step == cfg.max_steps)):
            checkpoints[step] = {name: value.cpu().clone() for name, value in network.state_dict().items()}
        course.reached(step, f"train {scores['train', 'accuracy']:.0%}")
        if finished:
            break
    status = "diverged" if diverged else "ok" if best(curve, "train") >= FITTED else "unfitted"
    sizes = {
        "learning_rate": learning_rate,
        "lambda_max": lambda_max,
        "parameters": count_parameters(network),
    }
    steps_per_epoch = len(x) / min(cfg.batch_size, len(x))
    return InferenceResult(status, summarize(curve) | sizes, curve, checkpoints, steps_per_epoch)


def descend(
    network: nn.Module,
    train: Split,
    cfg: GradientDescentConfig,
    learning_rate: float,
    seed: int,
    pauses: list[int],
    course: Course | None = None,
) -> Iterator[tuple[int, float]]:
    """Train in place; yield (step, mean batch loss since the last pause) at each of the increasing `pauses`.

    The first pause is 0, before any step, with loss 0. No value leaves the device between pauses. A `course` is told
    of every step.
    """
    optimizer = make_optimizer(network, cfg, learning_rate)
    loss_of = objective(cfg.loss, cfg.targets)
    batches = batch_indices(len(train.y), cfg.batch_size, seed)
    yield 0, 0.0
    for start, stop in pairwise(pauses):
        total = torch.zeros((), dtype=train.x.dtype, device=train.x.device)
        for step, indices in enumerate(_on_device(islice(batches, stop - start), train.x.device), start + 1):
            loss = loss_of(network(train.x[indices]), train.y[indices])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            if course and step < stop:
                course.passing(step)
        yield stop, total.item() / (stop - start)


def _on_device(batches: Iterator[Tensor], device: torch.device) -> Iterator[Tensor]:
    """The same index tensors on a device, many to a transfer."""
    while block := list(islice(batches, 1000)):
        yield from torch.stack(block).to(device)


def make_optimizer(network: nn.Module, cfg: GradientDescentConfig, learning_rate: float) -> torch.optim.Optimizer:
    """SGD with momentum, or Adam; the weight decay is the gradient of λ/2·|θ|²."""
    shared = {"lr": learning_rate, "weight_decay": cfg.l2, "fused": True}
    if cfg.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), **shared)
    return torch.optim.SGD(network.parameters(), momentum=cfg.momentum, **shared)


def pauses(data: Dataset, cfg: GradientDescentConfig) -> list[int]:
    """The steps at which training pauses to be evaluated: 0, every `eval_every`, the checkpoints, the last.

    Automatic spacing takes an evaluation to cost a third of a training step per example.
    """
    examples = len(data.train.y) + len(data.validation.y) + len(data.test.y)
    batch_size = min(cfg.batch_size, len(data.train.y))
    spacing = cfg.eval_every or ceil(examples / (3 * batch_size) / EVALUATION_SHARE)
    return sorted({*range(0, cfg.max_steps, spacing), *cfg.checkpoint_steps, cfg.max_steps})


def batch_indices(examples: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """Mini-batches of indices [batch_size] without end: random permutations laid end to end and cut.

    Every example occurs once an epoch; a batch may span two epochs. Where there are fewer examples than
    `batch_size`, every batch is all of them.
    """
    generator = torch_generator(seed, "batches")
    batch_size = min(batch_size, examples)
    left = torch.empty(0, dtype=torch.int64)
    while True:
        left = torch.cat([left, torch.randperm(examples, generator=generator)])
        *full, left = left.split(batch_size)
        yield from full
        if len(left) == batch_size:
            yield left
            left = left[:0]


def count_parameters(network: nn.Module) -> int:
    """How many numbers training adjusts."""
    return sum(parameter.numel() for parameter in network.parameters())
