"""Whether the coupled first layer τ*θ0 has the law of θ0, which Theorem 4.1 needs of initial values.

That training on τD from a *random* θ0 has the law of training on D (Xiao & Pennington 2022, Theorem 4.1 in §4) takes
more than a coupling: the coupled first layer has to have the law of θ0. The law of independent Gaussian values is
invariant under every orthogonal map, that of uniform values under permutations only. Second moments can't tell the two
apart: orthogonal maps keep the covariance 1 of any independent values of variance 1. The fourth moment can.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Shape, Specs, Weighted
from geomsym.errors import ConfigError
from geomsym.theory.checks import Check
from geomsym.theory.coupling import FirstLayer, coupling, first_layer
from geomsym.theory.invariant_groups import invariant
from geomsym.transforms import sample_moving

MOMENTS = {"gaussian": {2: 1.0, 4: 3.0}, "uniform": {2: 1.0, 4: 9 / 5}}
"""E w² and E w⁴ of a first-layer weight of variance 1, by its law."""

TOLERANCE, BROKEN_FROM = 4.5, 10.0
"""In standard errors: a deviation that chance exceeds in 7 of a million cases, and one that can't be chance."""


@dataclass(frozen=True)
class Moment:
    """The mean `value` of a power of the coupled first layer's weights, and the one `expected` under θ0's law."""

    value: float
    expected: float
    standard_error: float

    @property
    def deviation(self) -> float:
        """|value − expected| in standard errors."""
        return abs(self.value - self.expected) / self.standard_error


def first_layer_moment(specs: Specs, group: str, power: int = 4, shape: Shape = (3, 4, 4), seed: int = 0) -> Moment:
    """The mean of w^power, 2 or 4, over the entries w of the coupled first layer τ*θ0, for one random θ0 and τ.

    θ0 has mean fourth power 3 for Gaussian and 9/5 for uniform weights. A rotation Q of uniform weights moves it to 3 −
    (6/5)·Σ_i Q_ij⁴, nearer to 3. The rows of the layer, one for each output, are independent; the standard error is
    estimated from them. A width of thousands makes it small. Raises a `ConfigError` for a width of 1, and where no
    layer has weights.
    """
    first = next((index for index, spec in enumerate(specs) if isinstance(spec, Weighted)), None)
    if first is None:
        raise ConfigError("architecture", "()", "has no layer with weights")
    spec = specs[first]
    assert isinstance(spec, Weighted)
    if spec.width < 2:
        raise ConfigError("architecture.width", spec.width, "give at least 2: errors are estimated from rows")
    theta = build(specs[: first + 1], shape, seed, torch.float64)
    tau = sample_moving(group, (shape[0], shape[1], shape[2]), seed, torch.float64)
    rows = _rows(first_layer(coupling(theta, tau)(theta))).pow(power).mean(1)
    standard_error = (rows.std() / len(rows) ** 0.5).item()
    return Moment(rows.mean().item(), MOMENTS[spec.init][power], standard_error)


def check_law(specs: Specs, group: str, name: str, power: int = 4, shape: Shape = (3, 4, 4), seed: int = 0) -> Check:
    """Whether the coupled first layer has the law of θ0, by one of its moments, as a row in standard errors.

    Raises a `ConfigError` as `first_layer_moment` does.
    """
    init = next((spec.init for spec in specs if isinstance(spec, Weighted)), "gaussian")
    return Check(
        statement="Theorem 4.1: law of the coupled first layer",
        architecture=name,
        group=group,
        compared=f"{init} weights, moment {power}, in standard errors",
        deviation=first_layer_moment(specs, group, power, shape, seed).deviation,
        tolerance=TOLERANCE,
        expected=power == 2 or invariant(specs, group, init=init),
        broken_from=BROKEN_FROM,
    )


def _rows(layer: FirstLayer) -> Tensor:
    """The weights with one row for each output."""
    return layer.weight.detach().flatten(layer.bias.ndim).flatten(0, -2)
