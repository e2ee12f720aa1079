"""The learning rate of a run, in units that its network sets at initialisation, and the largest stable one.

The unit is 2/λmax with λmax the largest eigenvalue of Θ/N, Θ the empirical tangent kernel of N training images,
averaged over some draws of the initial values, of which the run's own is the first. Xiao & Pennington (2022, App. B.1)
take the kernel of one output, averaged over the K outputs too: at infinite width the kernels of all outputs are equal,
and those between outputs vanish. At finite width they don't, and λmax of the kernel [N·K, N·K] is larger.

What is stable depends on the latter, and on the run's own network. The loss 1/(2·K·N)·Σ|f − y|² has at initialisation
the Hessian JᵀJ/(K·N), but for terms with f − y, so that heavy-ball descent is stable up to 2·(1 + m)/(λ/K + l2) with
λ = λmax of JJᵀ/N. For wide networks this is the factor K·(1 + m).
"""

import logging
from collections.abc import Iterator
from math import inf, nan

import torch
from torch import Tensor, nn

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GradientDescentConfig
from geomsym.errors import ConfigError, UserError
from geomsym.inference.output_kernel import mean_output_kernel
from geomsym.inference.result import ReportProgress, silent
from geomsym.inference.tangent_kernel import largest_tangent_eigenvalue
from geomsym.seeds import derived_seed

logger = logging.getLogger(__name__)

ACCURACY = 0.05
"""The relative residual up to which the limit of stability is sought: it is no sharp one for networks and batches."""

SAFE = 0.5
"""The part of the limit that is proposed instead of a rate above it."""


def choose_learning_rate(
    specs: Specs, x: Tensor, cfg: GradientDescentConfig, seed: int, report: ReportProgress = silent
) -> tuple[float, float]:
    """λmax of networks with these layers on images x, and the learning rate factor·2/λmax; or nan and the given rate.

    Raises `ConfigError` where λmax is zero: no parameter has any effect on the outputs. Raises `UserError` where the
    kernel isn't finite.
    """
    if cfg.learning_rate is not None:
        return nan, cfg.learning_rate
    try:
        lambda_max = _lambda_max(initial_draws(specs, x, seed, cfg.ntk_draws), x[: cfg.ntk_samples], cfg, report)
    except ArithmeticError as error:
        remedy = (
            "scale the images (data.preprocess=standardize), or lower architecture.w_variance or architecture.depth"
        )
        raise UserError(f"tangent kernel at initialisation: {error}; {remedy}") from error
    if lambda_max <= 0:
        reason = "at initialisation no parameter affects the outputs on the training images (λmax = 0): "
        raise ConfigError("inference.learning_rate", None, reason + "give a rate, or look at the images")
    return lambda_max, cfg.learning_rate_factor * 2 / lambda_max


def _lambda_max(draws: Iterator[nn.Module], x: Tensor, cfg: GradientDescentConfig, report: ReportProgress) -> float:
    if cfg.ntk_outputs == "all":
        return largest_tangent_eigenvalue(list(draws), x, report=lambda done, most: report(done, most, "λmax"))
    return largest_mean_eigenvalue(draws, cfg.ntk_draws, x, report)


def initial_draws(specs: Specs, x: Tensor, seed: int, draws: int) -> Iterator[nn.Module]:
    """Networks for images like x with independent initial values, one at a time; the first is that of `seed`."""
    for k in range(draws):
        own = derived_seed(seed, f"ntk_draw_{k}") if k else seed
        yield build(specs, tuple(x.shape[1:]), own, x.dtype).to(x.device)


def largest_mean_eigenvalue(
    draws: Iterator[nn.Module], count: int, x: Tensor, report: ReportProgress = silent
) -> float:
    """λmax of Θ̄/N, with Θ̄ [N, N] the kernel of one output averaged over the outputs of `count` networks.

    Raises `ArithmeticError` where it isn't finite.
    """
    Theta = x.new_zeros(len(x), len(x), dtype=torch.float64)
    for k, network in enumerate(draws):
        Theta += mean_output_kernel(network, x, lambda done, K, k=k: report(k * K + done, count * K, "λmax"))
    if not Theta.isfinite().all():
        raise ArithmeticError("values aren't finite")
    return float(torch.linalg.eigvalsh(Theta.cpu())[-1]) / (count * len(x))


def stable_learning_rate(
    network: nn.Module, x: Tensor, cfg: GradientDescentConfig, report: ReportProgress = silent
) -> float:
    """The rate up to which gradient descent on x [N, …] is stable at these initial values; infinite if unknown.

    It is known of SGD on the squared error, with momentum m and λ/2·|θ|²: 2·(1 + m)/(λmax/K + λ). For networks that
    aren't linear in their parameters it says where training begins to be unstable, not whether it recovers.
    """
    if cfg.loss != "mse" or cfg.optimizer != "sgd":
        return inf
    classes = network(x[:1]).shape[1]
    try:
        lambda_max = largest_tangent_eigenvalue(
            [network], x[: cfg.ntk_samples], ACCURACY, lambda done, most: report(done, most, "stability")
        )
    except ArithmeticError:  # images that aren't finite: training says so
        return inf
    curvature = lambda_max / classes + cfg.l2
    return 2 * (1 + cfg.momentum) / curvature if curvature > 0 else inf


def warn_of_instability(cfg: GradientDescentConfig, rate: float, limit: float, classes: int) -> None:
    """Log a warning where a learning rate is above the `limit` of stability.

    The record's attribute `setting` is the same for all runs whose rate is set in the same way.
    """
    if rate <= limit:
        return
    key, value = ("learning_rate_factor", cfg.learning_rate_factor)
    if cfg.learning_rate is not None:
        key, value = "learning_rate", cfg.learning_rate
    highest = limit * value / rate
    wide = f", where wide networks allow K·(1 + m) = {classes * (1 + cfg.momentum):.3g}" * (cfg.learning_rate is None)
    logger.warning(
        "inference.%s=%.4g: above %.3g, up to which training is stable for this network (K = %d classes, momentum "
        "m = %g%s): it may diverge. Give %.2g",
        *(key, value, highest, classes, cfg.momentum, wide, SAFE * highest),
        extra={"setting": (key, value, classes, cfg.momentum)},
    )
