"""Volume elements of feature maps: √det g, and a pseudo-volume where g is singular.

The rank of g = JᵀJ/n is at most min(n, d); if it is less than d, √det g is 0. The pseudo-volume is the product of the
singular values of J/√n that are above a floor; at full rank it is √det g itself. The rank and the number of values kept
are part of the result, because volumes of different rank have different dimensions. Logarithms are natural.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geomsym.errors import ConfigError, DataError
from geomsym.geometry.jacobian import (
    MEMORY,
    FeatureMap,
    check_finite,
    check_memory,
    check_points,
    jacobian_blocks,
    measured_cost,
    pushed,
)
from geomsym.geometry.metric import root_scale
from geomsym.seeds import torch_generator

FLOOR = 1e-8
"""Singular values of at most this part of the largest one count as zero. Rounding errors are about 1e-15 of it."""

GRAM_CONDITION = 1e4
"""The largest condition number of J for which JᵀJ is used in place of J. JᵀJ squares it: the logarithm of
the smallest singular value then has an error of the order 1e-16 times 1e8."""

GRAM_BLOCK = 128
"""Columns of a Gram matrix at a time: blocks above the diagonal are left out, nearly half of the work."""


@dataclass(frozen=True)
class Volume:
    """Volume elements at p points.

    `log_volume` [p] is the sum of the logarithms of the `kept` [p] largest singular values of J/√n, those above
    `floor` times the largest and at most `top_k` of them; −inf where none is. `rank` [p] counts all those above the
    floor. `spectrum` [p, min(n, d)] holds all singular values, descending; None unless it was asked for.
    """

    log_volume: Tensor
    rank: Tensor
    kept: Tensor
    floor: float
    top_k: int | None = None
    spectrum: Tensor | None = None


def log_volume(
    feature_map: FeatureMap,
    x: Tensor,
    *,
    floor: float = FLOOR,
    top_k: int | None = None,
    normalization: str = "features",
    memory: float = MEMORY,
) -> Tensor:
    """½·log det g [p] at points x [p, d], or the logarithm of the pseudo-volume where g is singular; see `volume`.

    >>> polar = lambda p: torch.stack([p[0] * p[1].cos(), p[0] * p[1].sin()])  # (r, φ) to the plane: the area r dr dφ
    >>> x = torch.tensor([[2.0, 0.5], [3.0, 0.1]], dtype=torch.float64)
    >>> [round(float(area), 6) for area in log_volume(polar, x, normalization="none").exp()]
    [2.0, 3.0]
    """
    arguments = {"floor": floor, "top_k": top_k, "normalization": normalization, "memory": memory}
    return volume(feature_map, x, spectrum=False, **arguments).log_volume


def volume(
    feature_map: FeatureMap,
    x: Tensor,
    *,
    floor: float = FLOOR,
    top_k: int | None = None,
    spectrum: bool = True,
    normalization: str = "features",
    memory: float = MEMORY,
) -> Volume:
    """The volume element at points x [p, d], with its rank; the spectrum costs several times as much as the rest.

    Raises what `geomsym.geometry.jacobian.jacobian_blocks` raises, and `ConfigError` for an unknown normalization, a
    floor outside [0, 1) or a `top_k` below 1.
    """
    arguments = {"floor": floor, "top_k": top_k, "spectrum": spectrum, "normalization": normalization}
    return _concatenated([jacobian_volume(J, **arguments) for J in jacobian_blocks(feature_map, x, memory)])


def slice_volume(
    feature_map: FeatureMap,
    x: Tensor,
    tangents: Tensor,
    *,
    floor: float = FLOOR,
    normalization: str = "features",
    memory: float = MEMORY,
) -> Volume:
    """The volume element of g on the slice through each point x [p, d] along its `tangents` [p, k, d].

    For the metric T g Tᵀ [k, k] pulled back to a path (k = 1) or a plane (k = 2), in the coordinates that the rows of T
    define: orthonormal rows measure lengths and areas of the input space. Takes k Jacobian-vector products a point, and
    never the whole J. Raises as `volume` does, and `DataError` for tangents of another shape.
    """
    check_points(x)
    check_memory(memory)
    if tangents.ndim != 3 or tangents.shape[::2] != x.shape or not tangents.numel() or tangents.dtype != x.dtype:
        kind = f"{list(tangents.shape)} {str(tangents.dtype).removeprefix('torch.')}"
        raise DataError(f"tangents: {kind} for points {list(x.shape)}; give float64 [{len(x)}, k, {x.shape[1]}]")
    cost = measured_cost(feature_map, x[0])
    at_once = max(1, cost.rows(memory, x) // tangents.shape[1])
    parts = []
    for first in range(0, len(x), at_once):
        block = slice(first, first + at_once)
        J = pushed(feature_map, x[block], tangents[block].transpose(0, 1)).permute(1, 2, 0)
        check_finite(J, first)
        parts.append(jacobian_volume(J, floor=floor, normalization=normalization))
    return _concatenated(parts)


def jacobian_volume(
    J: Tensor,
    *,
    floor: float = FLOOR,
    top_k: int | None = None,
    spectrum: bool = True,
    normalization: str = "features",
) -> Volume:
    """The volume element from Jacobians [p, n, d].

    Computed from the smaller one of JᵀJ and JJᵀ if its condition number, by a bound from its Cholesky factor, allows
    this; otherwise from the singular values of J.
    """
    _check_policy(floor, top_k)
    scale = root_scale(J.shape[1], normalization)
    lower = _lower_gram(J if J.shape[1] >= J.shape[2] else J.mT) / scale**2
    factor, failed = torch.linalg.cholesky_ex(lower)
    condition = min(GRAM_CONDITION, 1 / floor) if floor else GRAM_CONDITION
    certain, full = (failed == 0) & (_condition_bound(factor, failed) < condition), lower.shape[-1]
    if not spectrum and (top_k is None or top_k >= full) and certain.all():
        every = torch.full((len(J),), full, device=J.device)
        return Volume(factor.diagonal(dim1=1, dim2=2).log().sum(1), every, every, floor, top_k)
    values = J.new_empty(len(J), full)
    values[certain] = torch.linalg.eigvalsh(lower[certain]).flip(1).sqrt()
    values[~certain] = torch.linalg.svdvals(J[~certain] / scale)
    found = spectrum_volume(values, floor, top_k)
    return found if spectrum else replace(found, spectrum=None)


def spectrum_volume(spectrum: Tensor, floor: float = FLOOR, top_k: int | None = None) -> Volume:
    """The volume element from singular values [p, r], descending."""
    above = spectrum > floor * spectrum[:, :1]
    rank = above.sum(1)
    kept = rank if top_k is None else rank.clamp_max(top_k)
    used = torch.arange(spectrum.shape[1], device=spectrum.device) < kept[:, None]
    total = torch.where(used, spectrum, torch.ones_like(spectrum)).log().sum(1)
    return Volume(total.masked_fill(kept == 0, -torch.inf), rank, kept, floor, top_k, spectrum)


def _lower_gram(A: Tensor) -> Tensor:
    """AᵀA [p, k, k] of A [p, m, k], on and below its diagonal blocks only; factorisations read nothing else."""
    k = A.shape[2]
    lower = A.new_zeros(len(A), k, k)
    for first in range(0, k, GRAM_BLOCK):
        columns = slice(first, first + GRAM_BLOCK)
        lower[:, first:, columns] = A[:, :, first:].mT @ A[:, :, columns]
    return lower


def _condition_bound(factor: Tensor, failed: Tensor) -> Tensor:
    """An upper bound on √(λmax/λmin) of LLᵀ [p], wrong with a probability of 1e-6; meaningless where L has `failed`.

    By three steps of power and of inverse iteration on 8 normal vectors V (Halko, Martinsson & Tropp 2011, §4.3):
    |(LLᵀ)³V| ≥ λmax³ |v|, with v the 8 components along the leading eigenvector, and P(|v|² < 0.1) = 3e-7.
    """
    k = factor.shape[-1]
    factor = torch.where((failed == 0)[:, None, None], factor, torch.eye(k, dtype=factor.dtype, device=factor.device))
    start = torch.randn((k, 8), generator=torch_generator(0, "condition"), dtype=torch.float64).to(factor)
    up = down = start.expand(len(factor), k, 8)
    for _ in range(3):
        up, down = factor @ (factor.mT @ up), torch.cholesky_solve(down, factor)
    return (up.flatten(1).norm(dim=1) * down.flatten(1).norm(dim=1) / 0.1) ** (1 / 6)


def _concatenated(parts: list[Volume]) -> Volume:
    first = parts[0]
    spectra = [part.spectrum for part in parts if part.spectrum is not None]
    log_volumes, ranks, kept = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("log_volume", "rank", "kept")
    )
    return Volume(log_volumes, ranks, kept, first.floor, first.top_k, torch.cat(spectra) if spectra else None)


def _check_policy(floor: float, top_k: int | None) -> None:
    if not 0 <= floor < 1:
        raise ConfigError("geometry.floor", floor, "a part of the largest singular value: give 0 ≤ floor < 1")
    if top_k is not None and top_k < 1:
        raise ConfigError("geometry.top_k", top_k, "the number of singular values to keep: give at least 1, or null")
