"""Scalar curvature of the metric of a feature map, by the Gauss equation.

Conventions: R^a_bcd = ∂_c Γ^a_bd − ∂_d Γ^a_bc + Γ^a_ce Γ^e_bd − Γ^a_de Γ^e_bc and R = g^bd R^a_bad, so that the unit
sphere of dimension 2 has R = 2. Let J and the second derivatives H both be divided by √n, and let e_1 … e_d be
orthonormal for g. With the second fundamental form II(u, v) = (1 − J(JᵀJ)⁻¹Jᵀ) H[u, v], the sectional curvature of the
plane of two orthonormal u and v, and the scalar curvature, are

    k(u, v) = ⟨II(u, u), II(v, v)⟩ − |II(u, v)|²,        R = Σ_ab k(e_a, e_b) = |tr II|² − |II|²

(do Carmo, Riemannian Geometry, 1992, ch. 6, theorem 2.5; the terms a = b are 0). J = QR gives the frame, the columns of
R⁻¹, and the projection 1 − QQᵀ, and JᵀJ is never formed. Only second derivatives along the frame are taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor

from geomsym.errors import ConfigError, look_up
from geomsym.geometry.jacobian import (
    MEMORY,
    Cost,
    FeatureMap,
    check_points,
    jacobian_blocks,
    measured_cost,
    second_derivatives,
)
from geomsym.geometry.metric import root_scale
from geomsym.geometry.volume import FLOOR

CONVENTIONS = {"standard": 1.0, "paper": 3.0}
"""Multiples of R. «paper» reproduces figures of published code that takes the products of Γ with the opposite sign.
That gives 3R if the derivatives of g are totally symmetric, as for one hidden layer, finite or infinite. Otherwise it
is
no multiple of R."""

SECOND_ORDER = 3
"""A second derivative along two vectors takes this many times as much memory as a first derivative along one."""


@dataclass(frozen=True)
class Frame:
    """Orthonormal frames at p points.

    `inputs` [p, d, d] has the frame of g as rows, `features` [p, n, d] its image under J/√n as columns. `regular` [p]
    says at which points g has full rank; the frames at other points mean nothing.
    """

    inputs: Tensor
    features: Tensor
    regular: Tensor


@dataclass(frozen=True)
class CurvatureEstimate:
    """Scalar curvature at p points: `value` [p] and its `standard_error` [p], both nan where g is singular."""

    value: Tensor
    standard_error: Tensor


@singledispatch
def scalar_curvature(
    feature_map: FeatureMap,
    x: Tensor,
    *,
    normalization: str = "features",
    convention: str = "standard",
    floor: float = FLOOR,
    memory: float = MEMORY,
) -> Tensor:
    """R [p] at points x [p, d], exact.

    nan where g is singular, which is everywhere if n < d; the rank is decided by the floor, as in
    `geomsym.geometry.volume`. Piecewise linear maps have R = 0 except at their kinks. Normalization «none» gives R/n.
    Takes d(d+1)/2 second derivatives for each point; for inputs of many dimensions see `estimated_scalar_curvature`.

    Raises what `geomsym.geometry.jacobian.jacobian_blocks` raises, and `ConfigError` for an unknown name or for the
    convention «paper» where it is no multiple of R.

    The unit sphere in three dimensions, R = 2; divided by its three features, the metric has three times the curvature:

    >>> def sphere(angles):
    ...     theta, phi = angles
    ...     return torch.stack([theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()])
    >>> x = torch.tensor([[1.0, 0.3]], dtype=torch.float64)
    >>> [round(float(scalar_curvature(sphere, x, normalization=name)), 6) for name in ("none", "features")]
    [2.0, 6.0]
    """
    if look_up("geometry.convention", convention, CONVENTIONS) != 1:
        raise ConfigError("geometry.convention", convention, "is for one dense hidden layer only: give standard")
    results = []
    for points, frame, cost, scale in _framed_blocks(feature_map, x, normalization, floor, memory):
        R = points.new_full((len(points),), torch.nan)
        inside = frame.regular
        directions, features = frame.inputs[inside], frame.features[inside]
        R[inside] = _span_curvature(feature_map, points[inside], directions, features, cost, memory) / scale**2
        results.append(R)
    return torch.cat(results)


def estimated_scalar_curvature(
    feature_map: FeatureMap,
    x: Tensor,
    generator: torch.Generator,
    *,
    directions: int = 8,
    frames: int = 16,
    normalization: str = "features",
    floor: float = FLOOR,
    memory: float = MEMORY,
) -> CurvatureEstimate:
    """An unbiased estimate of R [p] at points x [p, d], from J and few second derivatives.

    R is d(d−1) times the mean of k(u, v) over uniformly random orthonormal pairs: the mean is linear in the curvature
    tensor and invariant under O(d), hence a multiple of R, and the unit sphere, k = 1 and R = d(d−1), fixes it. Each of
    `frames` independent frames of `directions` random vectors gives the mean over all its pairs, from about
    directions²/2 second derivatives; the standard error is that of the mean over frames. Exact with directions ≥ d.

    nan where g is singular. Raises what `scalar_curvature` raises, and `ConfigError` for fewer than two frames or
    directions.
    """
    for key, given in (("geometry.directions", directions), ("geometry.frames", frames)):
        if given < 2:
            raise ConfigError(key, given, "planes take two directions, a standard error two frames: give at least 2")
    results = []
    for points, frame, cost, scale in _framed_blocks(feature_map, x, normalization, floor, memory):
        inside, size = frame.regular, min(directions, cost.inputs)
        samples = points.new_full((frames, len(points)), torch.nan)
        for sample in samples:
            spanning = _random_frames(int(inside.sum()), size, cost.inputs, generator).to(points) @ frame.inputs[inside]
            total = _span_curvature(feature_map, points[inside], spanning, frame.features[inside], cost, memory)
            sample[inside] = cost.inputs * (cost.inputs - 1) / max(size * (size - 1), 1) / scale**2 * total
        results.append((samples.mean(0), samples.std(0) / frames**0.5))
    value, standard_error = (torch.cat(parts) for parts in zip(*results, strict=True))
    return CurvatureEstimate(value, standard_error)


def orthonormal_frame(J: Tensor, floor: float = FLOOR) -> Frame:
    """The frame of g = JᵀJ from J = QR, for J [p, n, d]; g is regular by the floor on singular values of J."""
    Q, R = torch.linalg.qr(J)
    if R.shape[1] < R.shape[2]:
        return Frame(torch.zeros_like(R.mT @ R), torch.zeros_like(J), R.new_zeros(len(R), dtype=torch.bool))
    values = torch.linalg.svdvals(R)
    regular = values[:, -1] > floor * values[:, 0]
    unit = torch.eye(R.shape[-1], dtype=J.dtype, device=J.device)
    safe = torch.where(regular[:, None, None], R, unit)
    return Frame(torch.linalg.solve_triangular(safe, unit.expand_as(safe), upper=True).mT, Q, regular)


def _framed_blocks(
    feature_map: FeatureMap, x: Tensor, normalization: str, floor: float, memory: float
) -> Iterator[tuple[Tensor, Frame, Cost, float]]:
    """Blocks of points, their frames, the sizes of the map, and the scale (√n or 1) by which J and H are divided."""
    check_points(x)
    cost, first = measured_cost(feature_map, x[0]), 0
    scale = root_scale(cost.features, normalization)
    for J in jacobian_blocks(feature_map, x, memory):
        yield x[first : first + len(J)], orthonormal_frame(J / scale, floor), cost, scale
        first += len(J)


def _span_curvature(
    feature_map: FeatureMap, x: Tensor, directions: Tensor, tangent: Tensor, cost: Cost, memory: float
) -> Tensor:
    """Σ_ab k(u_a, u_b) [p] over vectors u in the rows of `directions` [p, m, d].

    `tangent` [p, n, d] is an orthonormal basis of the column space of J. H isn't divided by √n here. As II is
    symmetric, pairs a ≤ b are enough.
    """
    a, b = torch.triu_indices(directions.shape[1], directions.shape[1], device=x.device)
    rows = max(1, cost.rows(memory, x) // SECOND_ORDER)
    at_once, totals = max(1, rows // len(a)), [x.new_empty(0)]
    blocks = (values.split(at_once) for values in (x, directions, tangent))
    for points, U, Q in zip(*blocks, strict=True):
        trace, square = x.new_zeros(len(points), cost.features), x.new_zeros(len(points))
        for i, j in zip(a.split(rows), b.split(rows), strict=True):
            u, v = U[:, i].transpose(0, 1), U[:, j].transpose(0, 1)
            H = second_derivatives(feature_map, points, u, v).transpose(0, 1)
            II = H - (H @ Q) @ Q.mT
            trace += II[:, i == j].sum(1)
            square += II.square().sum(2) @ (2.0 - (i == j).to(x))
        totals.append(trace.square().sum(1) - square)
    return torch.cat(totals)


def _random_frames(count: int, size: int, dimension: int, generator: torch.Generator) -> Tensor:
    """Uniformly random orthonormal rows [count, size, dimension], up to their signs."""
    gaussian = torch.randn((count, dimension, size), generator=generator, dtype=torch.float64)
    return torch.linalg.qr(gaussian).Q.mT
