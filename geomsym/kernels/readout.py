"""Which pairs of positions a readout averages over, sorted by their displacement.

A kernel between images is a mean of covariances K(α, α') over pairs of positions: α' = α where positions are read out
separately, both in the same window for local pooling, all pairs for global pooling. Convolution shifts α and α' alike
and nonlinearities act elementwise, so that planes of different displacement δ = α' − α never mix: each is computed
by itself, and contributes with the weights given here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import AveragePool, Flatten, GlobalAveragePool, Specs, Weighted
from geomsym.errors import ConfigError

Displacement = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Disjoint windows of height × width positions; means are taken over pairs inside one."""

    height: int
    width: int


def without_widths(specs: Specs) -> Specs:
    """The same layers without what infinitely wide ones don't depend on: widths, and the law of later weights.

    Raises `ConfigError` where the weights of the first layer aren't Gaussian: its fan-in is finite, and so would its
    outputs not be Gaussian however wide it is.
    """
    weighted = [spec for spec in specs if isinstance(spec, Weighted)]
    if weighted and weighted[0].init != "gaussian":
        reason = "at infinite width only a Gaussian first layer has a known kernel: give gaussian"
        raise ConfigError("architecture.first_layer_init", weighted[0].init, reason)
    return tuple(replace(spec, width=0, init="gaussian") if isinstance(spec, Weighted) else spec for spec in specs)


def split_together(
    networks: Sequence[Specs], size: tuple[int, int]
) -> tuple[Specs, tuple[Window, ...], tuple[Specs, ...]]:
    """The body that networks share, and the window and the head of each.

    Raises `ConfigError` where they differ before their readouts.
    """
    bodies, windows, heads = zip(*(split_at_readout(without_widths(specs), size) for specs in networks), strict=True)
    if any(body != bodies[0] for body in bodies):
        raise ConfigError("architecture", "networks", "only those with the same layers up to the readout go together")
    return bodies[0], windows, heads


def split_at_readout(specs: Specs, size: tuple[int, int]) -> tuple[Specs, Window, Specs]:
    """The layers that act on images, the window of the readout for images of `size` (h, w), and the layers behind it.

    Raises `ConfigError` for pooling that isn't followed by flattening or global pooling.
    """
    for k, spec in enumerate(specs):
        if isinstance(spec, Flatten):
            return specs[:k], Window(1, 1), specs[k + 1 :]
        if isinstance(spec, GlobalAveragePool):
            return specs[:k], Window(*size), specs[k + 1 :]
        if isinstance(spec, AveragePool):
            behind = specs[k + 1 : k + 2]
            if behind == (GlobalAveragePool(),):
                return specs[:k], Window(*size), specs[k + 2 :]
            if behind == (Flatten(),):
                return specs[:k], Window(spec.window, spec.window), specs[k + 2 :]
            raise ConfigError("architecture", "average pool", "kernels are known for pooling right before the readout")
    raise ConfigError("architecture", "image output", "a kernel needs a readout: flatten or pool the positions")


def pair_weights(window: Window, size: tuple[int, int], circular: bool) -> dict[Displacement, Tensor]:
    """For every displacement that occurs, the weight [h, w] of the pair (α, α + δ) at each position α, float64.

    The mean over the pairs inside a window, then over windows; all weights add up to 1. With circular padding
    displacements are taken modulo the image's size, because planes are periodic; else α + δ lies inside the image.
    """
    rows, columns = (axis_pairs(*pair, circular) for pair in zip(size, (window.height, window.width), strict=True))
    share = 1 / (size[0] * size[1] * window.height * window.width)
    return {(i, j): share * torch.outer(row, column) for i, row in rows.items() for j, column in columns.items()}


def axis_pairs(size: int, window: int, circular: bool) -> dict[int, Tensor]:
    """Along one axis: for every displacement the indicator [size] of positions whose pair lies in the same window."""
    result: dict[int, Tensor] = {}
    for start in range(size):
        first = start - start % window
        for end in range(first, first + window):
            displacement = (end - start) % size if circular else end - start
            result.setdefault(displacement, torch.zeros(size, dtype=torch.float64))[start] += 1
    return dict(sorted(result.items()))
