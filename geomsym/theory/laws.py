"""The inclusions of Theorem 3.1 are strict: every smaller family obeys a law that the larger family breaks.

Xiao & Pennington (2022, Theorem 3.1 in §3). Each law is a function of any network, the specs of the smaller
family, and images [b, c, h, w]. It returns a relative violation, which is zero up to rounding for every network of the
smaller family with these specs. `INCLUSIONS` pairs them with the embeddings of `geomsym.theory.embed`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Conv, Shape, Specs, Weighted
from geomsym.errors import ConfigError
from geomsym.theory.checks import deviation
from geomsym.theory.embed import (
    Embedding,
    gap_in_vec,
    lap_in_vec,
    lcn_in_fcn,
    lcn_in_vec,
    vec_in_lcn,
    window,
)


def gap_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """GAP is invariant to circular shifts, f(Sx) = f(x): the deviation after a shift along the diagonal.

    `network` is any network and `images` [b, c, h, w] its input; `specs` are those of the smaller family. The result is
    zero up to rounding for that family. The other laws have the same form.
    """
    return _shift_variance(network, images, images.shape[2:])


def lap_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """LAP's mean over all shifts by multiples of s, the window's side, is invariant to every shift.

    LAP's readout is constant inside windows; summed over those shifts it is constant everywhere, as GAP's is. For s = 1
    LAP is VEC, and every network obeys the law.
    """
    return _shift_variance(network, images, (window(specs),) * 2)


def vec_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """VEC_n's outputs on images of one colour lie in an affine space of dimension n.

    Its last hidden layer has n values on such an image, the same at every position. The first pixel of every image is
    its colour. Returns the (n+1)-th singular value of the centred outputs over the first. Raises `ConfigError` for n
    outputs or fewer and for n + 1 images or fewer.
    """
    return _excess(network(images[:, :, :1, :1].expand_as(images).contiguous()), _width(specs))


def lcn_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """LCN_n's outputs lie in an affine space of dimension d·n, the number of units of its last hidden layer.

    Returns and raises the same as `vec_law`, with d·n in place of n.
    """
    return _excess(network(images), images.shape[2] * images.shape[3] * _width(specs))


def locality_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """LCN is a sum of functions of receptive fields, so two pixels u and v that no field contains don't interact:

        f(x + u + v) − f(x + u) − f(x + v) + f(x) = 0,

    relative to max |f(x)|. Fields reach L·(k−1)/2 pixels from their centre; u changes the first pixel and v the one
    farthest from it. Raises `ConfigError` where the image is too small to have such pixels.
    """
    row, column = images.shape[2] // 2, images.shape[3] // 2
    reach = sum(spec.kernel_size // 2 for spec in specs if isinstance(spec, Conv))
    if max(row, column) <= 2 * reach:
        size = f"{images.shape[2]}×{images.shape[3]}"
        reason = f"receptive fields reach {reach} pixels: give images with a side of at least {4 * reach + 2}"
        raise ConfigError("images", size, reason)
    near, far, both = images.clone(), images.clone(), images.clone()
    for changed in (near, both):
        changed[:, :, 0, 0] += images[:, :, 0, 0].roll(1, 0) + 1
    for changed in (far, both):
        changed[:, :, row, column] += images[:, :, row, column].roll(1, 0) + 1
    base = network(images)
    interaction = network(both) - network(near) - network(far) + base
    return deviation(base + interaction, base)


@dataclass(frozen=True)
class Inclusion:
    """`smaller` ⊆ `larger` by `embed`; `width`, «n» or «d·n», is the larger network's; `law` shows strictness."""

    smaller: str
    larger: str
    width: str
    embed: Callable[[nn.Sequential, Specs, Shape], Embedding]
    law: Callable[[nn.Module, Specs, Tensor], float]

    @property
    def formula(self) -> str:
        """The inclusion as text, such as «gap_n ⊆ vec_n»."""
        return f"{self.smaller}_n ⊆ {self.larger}_{self.width}"


INCLUSIONS = (
    Inclusion("gap", "vec", "n", gap_in_vec, gap_law),
    Inclusion("lap", "vec", "n", lap_in_vec, lap_law),
    Inclusion("vec", "lcn", "n", vec_in_lcn, vec_law),
    Inclusion("lcn", "vec", "d·n", lcn_in_vec, lcn_law),
    Inclusion("lcn", "fcn", "d·n", lcn_in_fcn, locality_law),
)


@dataclass(frozen=True)
class Strictness:
    """A law's relative violation by a random network of the smaller family and by one of the larger."""

    smaller: float
    larger: float


@torch.no_grad()
def strictness(inclusion: Inclusion, specs: Specs, images: Tensor, seed: int = 0) -> Strictness:
    """How far random networks of both families are from the smaller one's law, on images [b, c, h, w].

    `specs` are the smaller family's; activations have to be nonlinear for the larger one to break the law. Raises
    what the embedding and the law raise.
    """
    shape = tuple(images.shape[1:])
    smaller = build(specs, shape, seed, images.dtype)
    larger = build(inclusion.embed(smaller, specs, shape).specs, shape, seed + 1, images.dtype)
    return Strictness(inclusion.law(smaller, specs, images), inclusion.law(larger, specs, images))


def _shift_variance(network: nn.Module, images: Tensor, steps: Shape) -> float:
    height, width = images.shape[2:]
    shifts = [(y, x) for y in range(0, height, steps[0]) for x in range(0, width, steps[1])]

    def mean(shifted: Tensor) -> Tensor:
        return torch.stack([network(shifted.roll(shift, (2, 3))) for shift in shifts]).mean(0)

    return deviation(mean(images.roll((1, 1), (2, 3))), mean(images))


def _excess(outputs: Tensor, dimension: int) -> float:
    """The (dimension + 1)-th singular value of the centred outputs [b, o], relative to the first."""
    for key, count, least in zip(("images", "outputs"), outputs.shape, (dimension + 2, dimension + 1), strict=True):
        if count < least:
            raise ConfigError(key, count, f"the law concerns the dimension {dimension}: give at least {least}")
    values = torch.linalg.svdvals(outputs - outputs.mean(0))
    return (values[dimension] / values[0]).item()


def _width(specs: Specs) -> int:
    """The width of the last hidden layer."""
    return [spec.width for spec in specs if isinstance(spec, Weighted)][-2]
