"""Where geometry is measured: grids of the plane, paths between two samples, planes through three.

Samples are rows x [n, d], images flattened, on any device and of any floating type; slices are float64. A slice knows
its own coordinates, t along a path, u and v in a grid or a plane, and its tangents, the derivatives of a point in them:
with these the metric is pulled back to the slice. u and v measure lengths in the units of x; t goes from 0 to 1 in
proportion to length, so that a path's tangent is as long as the path.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.errors import ConfigError, DataError
from geomsym.geometry.neighbours import check_different, shortest_path

COLLINEAR = 1e-6
"""Samples span no plane if their triangle is at most this high, relative to its longest side."""


@dataclass(frozen=True)
class Anchor:
    """A sample that defines a slice.

    `coordinates` are its coordinates in the slice, by their names. `distance` is its distance from the point with these
    coordinates, which is 0 unless the path was projected.
    """

    index: int
    coordinates: dict[str, float]
    distance: float = 0.0


@dataclass(frozen=True, eq=False)
class Slice:
    """p points of input space in a curve or surface.

    `kind` is grid, path or plane. `points` [p, d]; `tangents` [p, k, d], k = 1 for a path and otherwise 2, with a row
    for each of the `coordinates`, {"t": [p]} or {"u": [p], "v": [p]}. In two dimensions points are in row-major order:
    u runs along the rows, v from row to row.
    """

    kind: str
    points: Tensor
    tangents: Tensor
    coordinates: dict[str, Tensor]
    anchors: tuple[Anchor, ...] = ()


def grid(dimensions: int, bounds: tuple[float, float] = (-1.5, 1.5), resolution: int = 64) -> Slice:
    """resolution² points of the square [low, high]², bounds included; u and v are the data's own coordinates.

    Raises `ConfigError` where the data don't have two dimensions, for bounds that aren't low < high, or a resolution
    below 2.
    """
    if dimensions != 2:
        reason = f"the data have {dimensions} dimensions, not 2: scan a plane (--plane) or a path (--interpolate)"
        raise ConfigError("geometry", "grid", reason)
    low, high = bounds
    if not float("-inf") < low < high < float("inf"):
        raise ConfigError("geometry.bounds", list(bounds), "must be two numbers low < high such as [-1.5, 1.5]")
    axes = torch.eye(2, dtype=torch.float64)
    u, v = _square((low, low), (high, high), resolution, axes.device)
    return Slice("grid", torch.stack([u, v], 1), axes.expand(len(u), 2, 2), {"u": u, "v": v})


def line(x: Tensor, ends: tuple[int, int], points: int = 64) -> Slice:
    """The straight line x(t) = (1 − t)·a + t·b between two of the samples, both ends exactly.

    Raises `ConfigError` for an index out of range or fewer than 2 points, `DataError` where the samples are equal.
    """
    check_different(x, ends)
    anchors = tuple(Anchor(index, {"t": t}) for index, t in zip(ends, (0.0, 1.0), strict=True))
    return _along(x[list(ends)].double(), points, anchors)


def principal_line(x: Tensor, ends: tuple[int, int], points: int = 64, components: int = 16) -> Slice:
    """The line that is straight in PCA coordinates: x(t) = m + Pᵀ((1 − t)·Pa' + t·Pb') with a' = a − m, b' = b − m.

    m is the mean of the samples x and P [q, d] their leading principal components, q = `components`. With all
    components this is the straight line in pixels. With fewer it stays in the subspace in which the data vary most. Its
    ends are the projections of the two samples; the anchors have the distances between samples and projections.

    Raises what `line` raises, `ConfigError` unless 1 <= components <= min(n, d), and `DataError` where the
    projections agree.
    """
    check_different(x, ends)
    if not 1 <= components <= min(x.shape):
        reason = f"must be from 1 to {min(x.shape)}, for {len(x)} samples of {x.shape[1]} dimensions"
        raise ConfigError("geometry.components", components, reason)
    mean, P = principal_components(x, components)
    samples = x[list(ends)].double()
    projected = mean + (samples - mean) @ P.T @ P
    if projected.diff(dim=0).norm() <= 1e-9 * samples.diff(dim=0).norm():
        raise DataError(
            f"geometry.components={components}: samples {ends[0]} and {ends[1]} agree in the leading components; "
            "give more components or other samples"
        )
    distances = torch.linalg.vector_norm(samples - projected, dim=1).tolist()
    anchors = (Anchor(ends[0], {"t": 0.0}, distances[0]), Anchor(ends[1], {"t": 1.0}, distances[1]))
    return _along(projected, points, anchors)


def data_path(x: Tensor, ends: tuple[int, int], points: int = 64, neighbours: int = 10) -> Slice:
    """The shortest path between two samples through nearest neighbours among all of them, resampled by its length.

    It is straight from sample to sample; see `geomsym.geometry.neighbours.shortest_path`. The points are equally spaced
    along it, so points between the ends needn't be samples. The anchors are all samples on it. At a bend the tangent is
    that of the segment that begins there.

    Raises what `line` and `shortest_path` raise.
    """
    check_different(x, ends)
    passed = shortest_path(x, *ends, neighbours)
    corners = x[list(passed)].double()
    anchors = (Anchor(k, {"t": t}) for k, t in zip(passed, _positions(corners).tolist(), strict=True))
    return _along(corners, points, tuple(anchors))


def plane(x: Tensor, corners: tuple[int, int, int], resolution: int = 32, margin: float = 0.25) -> Slice:
    """The plane through three of the samples, x(u, v) = a + u·e₁ + v·e₂, on a square of resolution² points.

    By Gram and Schmidt: the first sample a is the origin, e₁ points to the second, and e₂ is orthogonal to e₁ with the
    third at v > 0. u and v are lengths in the units of x, and distances in the plane are those in input space. The
    square is centred on the triangle, and its side is the triangle's larger extent plus a `margin`, a part of it, on
    either side. Samples needn't be points of the square.

    Raises `ConfigError` for an index out of range, a resolution below 2 or a negative margin, `DataError` where samples
    are equal or on one line.
    """
    check_different(x, corners)
    if not 0 <= margin < float("inf"):
        raise ConfigError("geometry.margin", margin, "must be 0 or a positive part of the triangle such as 0.25")
    a, b, c = x[list(corners)].double()
    axes, (base, shift, height) = _orthonormal(b - a, c - a)
    longest = max(base, torch.dist(a, c).item(), torch.dist(b, c).item())
    if base * height <= COLLINEAR * longest**2:
        raise DataError(f"geometry.samples: samples {list(corners)} are on one line, and span no plane; give others")
    triangle = torch.tensor([[0, 0], [base, 0], [shift, height]], dtype=torch.float64)
    low, high = triangle.amin(0), triangle.amax(0)
    centre, half_side = (low + high) / 2, (high - low).max() * (0.5 + margin)
    u, v = _square((centre - half_side).tolist(), (centre + half_side).tolist(), resolution, x.device)
    anchors = (Anchor(k, {"u": u, "v": v}) for k, (u, v) in zip(corners, triangle.tolist(), strict=True))
    points = a + torch.stack([u, v], 1) @ axes
    return Slice("plane", points, axes.expand(len(u), *axes.shape), {"u": u, "v": v}, tuple(anchors))


def principal_components(x: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """The mean [d] of samples x [n, d] and their leading principal components [q, d], orthonormal, largest first."""
    x = x.double()
    mean = x.mean(0)
    centred = x - mean
    if len(x) < x.shape[1]:
        return mean, torch.linalg.svd(centred, full_matrices=False).Vh[:components]
    return mean, torch.linalg.eigh(centred.T @ centred).eigenvectors.T.flip(0)[:components]


def _along(corners: Tensor, points: int, anchors: tuple[Anchor, ...]) -> Slice:
    """The path through corners [m, d], straight from each to the next, in points equally spaced by length."""
    if points < 2:
        raise ConfigError("geometry.points", points, "a path has two ends: give at least 2 points")
    t = torch.linspace(0, 1, points, dtype=torch.float64, device=corners.device)
    bends = _positions(corners)
    moves = bends.diff() > 0  # equal samples that follow each other make no segment
    start, end = bends[:-1][moves], bends[1:][moves]
    segment = torch.searchsorted(start, t, right=True) - 1
    first, last = corners[:-1][moves], corners[1:][moves]
    velocity = (last - first) / (end - start)[:, None]
    fraction = (t - start[segment]) / (end - start)[segment]
    between = torch.lerp(first[segment], last[segment], fraction[:, None])
    return Slice("path", between, velocity[segment][:, None], {"t": t}, anchors)


def _positions(corners: Tensor) -> Tensor:
    """The part of the path's length up to each of its corners [m, d], from 0 to 1."""
    lengths = torch.linalg.vector_norm(corners.diff(dim=0), dim=1)
    walked = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    return walked / walked[-1]


def _orthonormal(first: Tensor, second: Tensor) -> tuple[Tensor, tuple[float, float, float]]:
    """Orthonormal axes [2, d] of the plane of two vectors, which have the coordinates (r₁₁, 0) and (r₁₂, r₂₂).

    From the QR decomposition, orthonormal to rounding also where the vectors are nearly parallel.
    """
    Q, R = torch.linalg.qr(torch.stack([first, second], 1))
    signs = torch.where(R.diagonal() < 0, -1.0, 1.0).double()
    (r11, r12), (_, r22) = (signs[:, None] * R).tolist()
    return (Q * signs).T, (r11, r12, r22)


def _square(
    low: Sequence[float], high: Sequence[float], resolution: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Coordinates u, v [resolution²] of the points of a square between two of its corners, row-major."""
    if resolution < 2:
        raise ConfigError("geometry.resolution", resolution, "a square has two sides: give at least 2 points a side")
    bounds = zip(low, high, strict=True)
    u, v = (torch.linspace(*pair, resolution, dtype=torch.float64, device=device) for pair in bounds)
    rows, columns = torch.meshgrid(v, u, indexing="ij")
    return columns.flatten(), rows.flatten()
