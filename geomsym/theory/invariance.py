"""Theorem 4.1 as checks: one architecture and one group, or all groups, to find the largest that it is invariant to.

Xiao & Pennington (2022, Theorem 4.1 in §4, proof in App. D). Invariance of trained networks is measured by coupled
training (`geomsym.theory.coupled_training`), that of infinitely wide networks by their kernels: a kernel with
K(τx, τx') = K(x, x') gives the same predictions on τD as on D.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset
from geomsym.errors import ConfigError
from geomsym.inference import ReportProgress, silent
from geomsym.kernels import Kernels
from geomsym.theory.checks import BROKEN_FROM, EXACT, TRAINED, Check, deviation
from geomsym.theory.coupled_training import coupled_config, gaussian_images, shared_learning_rate, train_coupled
from geomsym.theory.coupling import coupling, first_layer
from geomsym.theory.invariant_groups import Penalty, infinite_groups, invariant
from geomsym.transforms import GROUPS, Transform, check_transform, largest_groups, sample_moving
from geomsym.transforms.groups import ImageShape

TRAINING_TOLERANCE = 1e-9
"""The largest relative deviation, in float64, that counts as rounding after some hundred steps.

In exact arithmetic there would be no deviation after any number of steps. Rounding errors grow where training is
unstable: two networks that differ only in the last digit of their weights can be 1e-9 apart after a thousand steps.
"""

ORDER_ONE = 0.1
"""The residual of a coupling from which it counts as broken."""

ELEMENTS = 2
"""How many random elements of a group `discover` tries: two of O(n) generate a dense part of it."""


def check_invariance(
    specs: Specs,
    group: str,
    name: str,
    data: Dataset | None = None,
    cfg: GradientDescentConfig | None = None,
    seed: int = 0,
    penalty: Penalty | None = None,
    tau: Transform | None = None,
    enough: float = float("inf"),
    report: ReportProgress = silent,
) -> Check:
    """Theorem 4.1 for one architecture and one group: the largest deviation in `cfg.max_steps` steps, as a row.

    `specs` end in a readout of as many outputs as `data` has classes; `name` is what the row calls them. `seed` fixes
    the group's element, unless `tau` is given, θ0 and the batches; `data` is `gaussian_images()` and `cfg` is
    `coupled_config()` unless given. Training may end at a deviation that is `enough`. Raises a `ConfigError` for an
    unknown group, one that can't act on the images, and training that diverges.
    """
    data, cfg = data or gaussian_images(), cfg or coupled_config()
    expected = invariant(specs, group, cfg.optimizer, penalty, shape=data.input_shape)
    device = data.train.x.device
    tau = tau or sample_moving(group, data.input_shape, seed, torch.float64, device)
    found = train_coupled(specs, tau.to(torch.float64, device), data, cfg, seed, penalty, enough, report)
    regularizer = f", |θ|^{penalty.power:g}" if penalty else ""
    return Check(
        statement=TRAINED,
        architecture=name,
        group=group,
        compared=f"{cfg.optimizer}, {cfg.loss}, {cfg.max_steps} steps{regularizer}",
        deviation=found.deviation,
        tolerance=TRAINING_TOLERANCE,
        expected=expected,
    )


def check_coupling(specs: Specs, group: str, name: str, shape: ImageShape = (3, 4, 4), seed: int = 0) -> Check:
    """Whether a coupled first layer exists for a random element of the group, as a row.

    The deviation is the residual of the least-squares solution over all weights. If it is of order one, there is no
    such layer. Raises a `ConfigError` as `check_invariance` does.
    """
    network = build(specs, shape, seed, torch.float64)
    tau = sample_moving(group, shape, seed, torch.float64)
    return Check(
        statement="Theorem 4.1: the coupled first layer exists",
        architecture=name,
        group=group,
        compared="residual of least squares",
        deviation=coupling(network, tau).residual(network),
        tolerance=EXACT,
        expected=invariant(specs, group, shape=shape),
        broken_from=ORDER_ONE,
    )


def check_kernels(
    specs: Specs,
    group: str,
    name: str,
    images: Tensor,
    seed: int = 0,
    tau: Transform | None = None,
    report: ReportProgress = silent,
) -> Check:
    """Theorem 4.1 at infinite width: NNGP and NTK of images [n, c, h, w] and of transformed ones, as a row.

    In float64. The deviation is the larger one of the two kernels, relative to the largest value of the matrix. Raises
    a `ConfigError` as `check_invariance` does, and where the layers have no known kernel.
    """
    images, kernels = images.double(), Kernels()
    shape = (images.shape[1], images.shape[2], images.shape[3])
    tau = tau or sample_moving(group, shape, seed, torch.float64, images.device)
    plain = kernels.matrices(specs, images, report=lambda done, total: report(done, 2 * total, "pairs"))
    moved = kernels.matrices(
        specs,
        tau.to(torch.float64, images.device)(images),
        report=lambda done, total: report(total + done, 2 * total, "pairs"),
    )
    return Check(
        statement="Theorem 4.1: infinitely wide networks",
        architecture=f"{name} ∞",
        group=group,
        compared="NNGP and NTK matrices",
        deviation=max(deviation(moved.nngp, plain.nngp), deviation(moved.ntk, plain.ntk)),
        tolerance=EXACT,
        expected=group in infinite_groups(specs, shape),
    )


@dataclass(frozen=True)
class Discovery:
    """The groups that an architecture was tried on, and the `largest` that it is invariant to.

    `checks` has a row for every group that can act on the images; `left_out` says of the others why they can't.
    `largest` has several names if none of these groups contains the others. `expected` is True for the groups that the
    theorem claims; groups the theorem doesn't mention get expected=None.
    """

    checks: tuple[Check, ...]
    left_out: dict[str, str]

    @property
    def largest(self) -> list[str]:
        """The largest groups that hold, or the trivial group, to which everything is invariant, if no other does."""
        return largest_groups(["identity", *(check.group for check in self.checks if check.holds)])


def discover(
    specs: Specs,
    name: str,
    data: Dataset | None = None,
    cfg: GradientDescentConfig | None = None,
    seed: int = 0,
    report: ReportProgress = silent,
) -> Discovery:
    """The groups to which learning with this architecture and algorithm is invariant.

    Runs `check_invariance` for every group but the trivial one, with `ELEMENTS` random elements each, and ends the
    training for a group as soon as its invariance is broken. That a group holds is shown for these elements and images
    only; that it is broken is certain. Raises a `ConfigError` as `check_invariance` does.

    >>> from geomsym.architectures import specs
    >>> discover(specs("gap", depth=1, width=4), "mine", cfg=coupled_config(max_steps=2)).largest
    ['shared_rotation']
    """
    data, cfg = data or gaussian_images(), cfg or coupled_config()
    left_out = dict(_refusals(data.input_shape))
    acting = [group for group in GROUPS if group not in ("identity", *left_out)]
    network = build(specs, data.input_shape, seed, torch.float64).to(data.train.x.device)
    first_layer(network)
    cfg = replace(cfg, learning_rate=shared_learning_rate(specs, data.train.x, cfg, seed))  # once for all groups
    return Discovery(tuple(_worst(specs, group, name, data, cfg, seed, report) for group in acting), left_out)


def _refusals(shape: ImageShape) -> Iterator[tuple[str, str]]:
    """The groups that can't act on images of a shape, and why."""
    for group in GROUPS:
        try:
            check_transform(group, shape, dtype=torch.float64)
        except ConfigError as error:
            yield group, str(error)


def _worst(
    specs: Specs,
    group: str,
    name: str,
    data: Dataset,
    cfg: GradientDescentConfig,
    seed: int,
    report: ReportProgress,
) -> Check:
    """The row of the element with the largest deviation; groups the theorem doesn't mention get expected=None."""

    def told(done: int, total: int, note: str) -> None:
        report(done, total, f"{group} {note}")

    found = []
    for element in _elements(group, data, seed):
        found.append(
            check_invariance(specs, group, name, data, cfg, seed, tau=element, enough=BROKEN_FROM, report=told)
        )
        if found[-1].broken:
            break
    worst = max(found, key=lambda item: item.deviation)
    return replace(worst, expected=worst.expected or None)


def _elements(group: str, data: Dataset, seed: int) -> Iterator[Transform]:
    """Random elements of a group that aren't the identity."""
    for k in range(ELEMENTS):
        yield sample_moving(group, data.input_shape, seed + 1000 * k, torch.float64, data.train.x.device)
