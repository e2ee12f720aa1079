"""Theorem 4.1 for trained networks: training on τD and on D gives the same predictions, network by network.

Network A trains on (τx, y) from θ0; network B on (x, y), with the same batches, from θ0 with the coupled first layer of
`geomsym.theory.coupling`. Where that layer is exact, the gradients of the two first layers are related by the same
orthogonal map as their weights, and so are momentum, weight decay λ/2·|θ|² and every later step: A(τx) = B(x) to
rounding (Xiao & Pennington 2022, Theorem 4.1, App. D). This is deterministic, and needs no law of θ0.

What acts on the weights one by one, Adam or a penalty |θ|^p with p ≠ 2, commutes with permutations only.

That training on τD from a *random* θ0 then has the law of training on D needs more: the coupled first layer has to have
the law of θ0. Independent Gaussian values keep it under every orthogonal map, uniform values under permutations only.
"""

from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn

from geomsym.architectures import ARCHITECTURES, architecture_specs, build, label
from geomsym.architectures.layer_specs import Specs, Weighted
from geomsym.config import ArchitectureConfig, GradientDescentConfig
from geomsym.data import Dataset, Split
from geomsym.errors import ConfigError, choose
from geomsym.inference.gradient_descent import choose_learning_rate, descend
from geomsym.seeds import torch_generator
from geomsym.theory.coupling import couple, first_layer
from geomsym.transforms import GROUPS, Transform, sample_transform
from geomsym.transforms.elements import Shape

_SHARED = ("identity", "shared_rotation", "shared_permutation")
_PIXELWISE = (*_SHARED, "pixel_rotation", "pixel_permutation")

CLAIMS: dict[str, tuple[str, ...]] = {
    "fcn": tuple(GROUPS),
    "lcn": _PIXELWISE,
    "vec": _SHARED,
    "lap": _SHARED,
    "gap": _SHARED,
}
"""The groups under which the theorem says that a family is invariant, by the name of the family."""

NEXT_LARGER: dict[str, str] = {
    "lcn": "global_rotation",
    "vec": "pixel_rotation",
    "lap": "pixel_rotation",
    "gap": "pixel_rotation",
}
"""The controls: the smallest group of rotations beyond a family's, for which no coupled first layer exists."""

TOLERANCE = 1e-9
"""The largest relative deviation, in float64, that counts as rounding after some hundred steps."""

FOURTH_MOMENTS = {"gaussian": 3.0, "uniform": 9 / 5}
"""E w⁴ of a first-layer weight of variance 1, by its law."""

STANDARD_ERRORS = 4.5
"""How many standard errors a statistic may be off by chance: more in 7 of a million cases."""


@dataclass(frozen=True)
class Check:
    """A statement compared with what was computed: it `holds` where `deviation` is at most `tolerance`.

    `expected` is what theory says of `holds`, false for a control.
    """

    statement: str
    architecture: str
    group: str
    compared: str
    deviation: float
    tolerance: float
    holds: bool
    expected: bool


@dataclass(frozen=True)
class Penalty:
    """The term strength/p · Σ|θ_i|^p, p = `power` ≥ 1, on top of the weight decay. Raises a `ConfigError`."""

    power: float
    strength: float

    def __post_init__(self) -> None:
        if not self.power >= 1:
            raise ConfigError(
                "penalty.power", self.power, "give a power of at least 1: below, the slope at 0 is infinite"
            )
        if not self.strength >= 0:
            raise ConfigError("penalty.strength", self.strength, "give a number of at least 0")

    def add_to(self, network: nn.Module) -> None:
        """Let every backward pass through this network add the penalty's gradient to that of the loss."""
        for parameter in network.parameters():
            parameter.register_hook(lambda gradient, theta=parameter: gradient + self.gradient(theta.detach()))

    def gradient(self, theta: Tensor) -> Tensor:
        """The slope strength·|θ|^(p−1)·sign θ, elementwise."""
        return self.strength * theta.abs() ** (self.power - 1) * theta.sign()


@dataclass(frozen=True)
class CoupledTraining:
    """Relative deviations of two coupled networks at every step, 0 (before training) to the last.

    `predictions`: max|A(τx) − B(x)| / max|A(τx)| over the test images and outputs. `weights`: the largest
    |θ_A' − θ_B| / |θ_B| of all parameter tensors, Euclidean norms, where θ_A' are A's parameters with the first layer
    coupled anew. `residual` is that of the first coupling.
    """

    residual: float
    predictions: tuple[float, ...]
    weights: tuple[float, ...]

    @property
    def deviation(self) -> float:
        """The largest of all steps."""
        return max(*self.predictions, *self.weights)


@dataclass(frozen=True)
class FirstLayerLaw:
    """The mean fourth power `value` of the coupled first layer's weights, and the `expected` one of θ0's law."""

    value: float
    expected: float
    standard_error: float

    @property
    def deviation(self) -> float:
        """|value − expected| in standard errors."""
        return abs(self.value - self.expected) / self.standard_error


def invariant(
    architecture: str, group: str, optimizer: str = "sgd", penalty: Penalty | None = None, init: str = "gaussian"
) -> bool:
    """Whether the theorem says that a family is invariant under a group.

    The group has to be one of the family's; its rotations ask of `optimizer` and `penalty` to be isotropic, and,
    where laws are compared, of `init` to be Gaussian. Raises a `ConfigError` for unknown names.
    """
    isotropic = optimizer == "sgd" and init == "gaussian" and (penalty is None or penalty.power == 2)
    rotates = choose("transform.name", group, GROUPS).is_rotation
    return group in choose("architecture.name", architecture, CLAIMS) and (isotropic or not rotates)


def settings(**changes) -> GradientDescentConfig:
    """Settings for `check`: 100 steps of ten examples, momentum 0.9, λ = 1e-4, a rate stable from two classes on.

    Keywords are fields of `geomsym.config.GradientDescentConfig`; Adam takes a rate of 0.01.
    """
    rate = 0.01 if changes.get("optimizer") == "adam" else None
    small = {"learning_rate": rate, "learning_rate_factor": 1.0, "l2": 1e-4, "batch_size": 10, "max_steps": 100}
    return GradientDescentConfig(**(small | changes))


def gaussian_images(
    shape: Shape = (3, 4, 4), classes: int = 3, train: int = 30, test: int = 20, seed: int = 0
) -> Dataset:
    """White noise with labels in turn, float64: the theorem holds of any images."""
    generator = torch_generator(seed, "theory.images")

    def split(count: int) -> Split:
        images = torch.randn(count, *shape, generator=generator, dtype=torch.float64)
        return Split(images, torch.arange(count) % classes)

    return Dataset(split(train), split(0), split(test), tuple(map(str, range(classes))))


def check(
    architecture: ArchitectureConfig,
    group: str,
    data: Dataset | None = None,
    cfg: GradientDescentConfig | None = None,
    seed: int = 0,
    penalty: Penalty | None = None,
    tolerance: float = TOLERANCE,
) -> Check:
    """Theorem 4.1 for one family and one group: the largest deviation in `cfg.max_steps` steps, as a row.

    `seed` fixes the group's element, θ0 and the batches; `data` is `gaussian_images()` and `cfg` is `settings()`
    unless given. Raises a `ConfigError` for unknown names, a group that can't act on the images, and training that
    diverges.
    """
    data, cfg = data or gaussian_images(), cfg or settings()
    expected = invariant(architecture.name, group, cfg.optimizer, penalty)
    tau = sample_transform(group, data.input_shape, seed, dtype=torch.float64, device=data.train.x.device)
    found = coupled_training(architecture_specs(architecture, data.classes), tau, data, cfg, seed, penalty)
    regularizer = f", |θ|^{penalty.power:g}" if penalty else ""
    return Check(
        statement="Theorem 4.1: predictions and weights of trained networks",
        architecture=label(architecture),
        group=group,
        compared=f"{cfg.optimizer}, {cfg.loss}, {cfg.max_steps} steps{regularizer}",
        deviation=found.deviation,
        tolerance=tolerance,
        holds=found.deviation <= tolerance,
        expected=expected,
    )


def coupled_training(
    specs: Specs,
    tau: Transform,
    data: Dataset,
    cfg: GradientDescentConfig,
    seed: int,
    penalty: Penalty | None = None,
) -> CoupledTraining:
    """Train A on (τx, y) from θ0 and B on (x, y) from the coupled θ0 side by side, in float64.

    One learning rate, A's, serves both, and training takes all of `cfg.max_steps`. Raises a `ConfigError` where
    it diverges.
    """
    train, held_out = Split(data.train.x.double(), data.train.y), data.test.x.double()
    turned = Split(tau(train.x), train.y)
    a = build(specs, data.input_shape, seed, torch.float64).to(train.x.device)
    coupling = couple(a, tau)
    b = coupling.network
    learning_rate = choose_learning_rate(a, turned.x, cfg)[1]
    if penalty:
        penalty.add_to(a)
        penalty.add_to(b)
    steps = list(range(cfg.max_steps + 1))
    sides = (descend(network, split, cfg, learning_rate, seed, steps) for network, split in ((a, turned), (b, train)))
    curve = [(_prediction_gap(a, b, tau, held_out), _weight_gap(a, b, tau)) for _ in zip(*sides, strict=True)]
    predictions, weights = zip(*curve, strict=True)
    if not all(map(isfinite, (*predictions, *weights))):
        reason = f"training diverged within {cfg.max_steps} steps: give a smaller one"
        raise ConfigError("inference.learning_rate", learning_rate, reason)
    return CoupledTraining(coupling.residual, predictions, weights)


@torch.no_grad()
def _prediction_gap(a: nn.Module, b: nn.Module, tau: Transform, images: Tensor) -> float:
    of_a, of_b = a(tau(images)), b(images)
    return ((of_a - of_b).abs().max() / of_a.abs().max()).item()


@torch.no_grad()
def _weight_gap(a: nn.Sequential, b: nn.Sequential, tau: Transform) -> float:
    pairs = zip(couple(a, tau).network.parameters(), b.parameters(), strict=True)
    return torch.stack([(of_a - of_b).norm() / of_b.norm() for of_a, of_b in pairs]).max().item()


def first_layer_law(
    architecture: ArchitectureConfig, group: str, shape: Shape = (3, 4, 4), seed: int = 0
) -> FirstLayerLaw:
    """The mean of w⁴ over the entries w of the coupled first layer τ*θ0, for one random θ0 and τ.

    θ0 has mean fourth power 3 for Gaussian and 9/5 for uniform weights. A rotation Q of uniform weights moves it to
    3 − (6/5)·Σ_i Q_ij⁴, nearer to 3. Rows of the layer, the weights of one output each, are independent, and give the
    standard error; take a width of thousands for a small one. Raises a `ConfigError` for a width of 1.
    """
    choose("architecture.name", architecture.name, ARCHITECTURES)
    if architecture.width < 2:
        raise ConfigError("architecture.width", architecture.width, "give at least 2: errors are estimated from rows")
    specs = architecture_specs(architecture, 1)
    first = next(index for index, spec in enumerate(specs) if isinstance(spec, Weighted))
    theta = build(specs[: first + 1], shape, seed, torch.float64)
    coupled = couple(theta, sample_transform(group, shape, seed, dtype=torch.float64)).network
    layer = first_layer(coupled)
    rows = layer.weight.detach().reshape(layer.bias.numel(), -1).pow(4).mean(1)
    standard_error = (rows.std() / len(rows) ** 0.5).item()
    return FirstLayerLaw(rows.mean().item(), FOURTH_MOMENTS[architecture.first_layer_init], standard_error)


def check_law(architecture: ArchitectureConfig, group: str, shape: Shape = (3, 4, 4), seed: int = 0) -> Check:
    """Whether the coupled first layer has the law of θ0, by its fourth moment, as a row in standard errors.

    Raises a `ConfigError` as `first_layer_law` does.
    """
    deviation = first_layer_law(architecture, group, shape, seed).deviation
    return Check(
        statement="Theorem 4.1: law of the first layer",
        architecture=label(architecture),
        group=group,
        compared=f"fourth moment of the {architecture.first_layer_init} first layer, in standard errors",
        deviation=deviation,
        tolerance=STANDARD_ERRORS,
        holds=deviation <= STANDARD_ERRORS,
        expected=invariant(architecture.name, group, init=architecture.first_layer_init),
    )
