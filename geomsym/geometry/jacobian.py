"""Jacobians of feature maps at many points, by automatic differentiation under a memory budget.

A feature map Φ takes one point x [d], an input without batch and flattened, to its features [n]; J = ∂Φ/∂x [n, d].
Points come as rows of x [p, d], in float64: ranks and log-determinants are decided from small singular values. Results
are constants, detached from the parameters of the map.

All points of a block go through Φ as one batch, and vectors are mapped over by torch.func.vmap, in the layout [k, p, d]
in which products with shared weights stay single matrix products. vmap would copy unshared weights for every vector, so
maps with such weights take a batch with a row for each pair of a point and a vector instead.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap
from torch.overrides import TorchFunctionMode

from geomsym.errors import ConfigError, DataError

FeatureMap = Callable[[Tensor], Tensor]
"""Φ: [d] -> [n], differentiable by torch.func."""

MEMORY = 1e9
"""The default budget, in bytes."""

BLOCK = 1.3e8
"""Largest size in bytes of a block of several points, even if the budget allows more: larger ones are slower."""

WORKING_COPIES = 10
"""Copies of the widest layer that forward mode holds at once for each row; measured with GELU."""


@runtime_checkable
class Batched(Protocol):
    """A feature map that also evaluates batches, each row by itself."""

    @property
    def unshared(self) -> bool:
        """Whether layers have weights of their own for every position."""
        ...

    def batch(self, x: Tensor) -> Tensor:
        """[b, d] -> [b, n]."""
        ...


@dataclass(frozen=True)
class Cost:
    """The sizes that decide how a Jacobian is computed.

    `inputs` is d and `features` n. `widest` is the number of values of the largest intermediate result that depends on
    x, and `total` is the number of values of all of them.
    """

    inputs: int
    features: int
    widest: int
    total: int

    @property
    def forward(self) -> bool:
        """Whether forward mode takes no more vectors than reverse mode."""
        return self.inputs <= self.features

    def rows(self, memory: float, x: Tensor) -> int:
        """How many pairs of a point and a vector fit into `memory` bytes, at least one."""
        values = WORKING_COPIES * self.widest + (0 if self.forward else 2 * self.total)
        return max(1, int(memory // (values * x.element_size())))


def jacobian(feature_map: FeatureMap, x: Tensor, memory: float = MEMORY) -> Tensor:
    """J [p, n, d] at points x [p, d]; the work takes about `memory` bytes beside the result.

    Raises what `jacobian_blocks` raises.
    """
    return torch.cat(list(jacobian_blocks(feature_map, x, memory)))


def jacobian_blocks(feature_map: FeatureMap, x: Tensor, memory: float = MEMORY) -> Iterator[Tensor]:
    """J of consecutive blocks of points, [b, n, d] each, as many points at once as `memory` bytes allow.

    Forward mode, with d vectors for each point, if d ≤ n; otherwise reverse mode, with n vectors for each point. Maps
    with a closed form use that (`geomsym.geometry.shallow`).

    Raises `DataError` for points that aren't finite float64 [p, d], `ConfigError` for a budget that isn't positive,
    and `ArithmeticError` for derivatives that aren't finite, as those of a diverged network.
    """
    check_points(x)
    check_memory(memory)
    first = 0
    for J in blocks(feature_map, x, memory):
        check_finite(J, first)
        first += len(J)
        yield J


@singledispatch
def blocks(feature_map: FeatureMap, x: Tensor, memory: float) -> Iterator[Tensor]:
    """The blocks of one kind of feature map, unchecked; by automatic differentiation unless registered otherwise."""
    cost = measured_cost(feature_map, x[0])
    vectors, rows = min(cost.inputs, cost.features), cost.rows(memory, x)
    at_once = cost.rows(min(memory, BLOCK), x) // vectors
    for points in x.split(max(1, at_once)):
        yield differentiated(feature_map, points, cost, rows)


def differentiated(feature_map: FeatureMap, x: Tensor, cost: Cost, rows: int) -> Tensor:
    """J [p, n, d] of all points at once, with at most `rows` vectors for each point at a time."""
    basis = torch.eye(min(cost.inputs, cost.features), dtype=x.dtype, device=x.device)[:, None].expand(-1, len(x), -1)
    product = pushed if cost.forward else pulled
    J = torch.cat([product(feature_map, x, vectors) for vectors in basis.split(rows)])
    return J.permute(1, 2, 0) if cost.forward else J.transpose(0, 1)


@torch.no_grad()
def pushed(feature_map: FeatureMap, x: Tensor, vectors: Tensor) -> Tensor:
    """J v [k, p, n] at points x [p, d], for `vectors` v [k, p, d]."""

    def along(points: Tensor, v: Tensor) -> Tensor:
        return jvp(on_batches(feature_map), (points,), (v,))[1]

    return _over_vectors(feature_map, along, x, vectors)


@torch.no_grad()
def pulled(feature_map: FeatureMap, x: Tensor, covectors: Tensor) -> Tensor:
    """Jᵀ u [k, p, d] at points x [p, d], for `covectors` u [k, p, n]."""

    def against(points: Tensor, u: Tensor) -> Tensor:
        return vjp(on_batches(feature_map), points)[1](u)[0]

    return _over_vectors(feature_map, against, x, covectors)


@torch.no_grad()
def second_derivatives(feature_map: FeatureMap, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """H[u, v] [k, p, n] at points x [p, d], along pairs of vectors u and v [k, p, d], forward over forward."""

    def along(points: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return jvp(lambda y: jvp(on_batches(feature_map), (y,), (v,))[1], (points,), (u,))[1]

    return _over_vectors(feature_map, along, x, u, v)


def on_batches(feature_map: FeatureMap) -> Callable[[Tensor], Tensor]:
    """The map [b, d] -> [b, n], row by row."""
    return feature_map.batch if isinstance(feature_map, Batched) else vmap(feature_map)


def _over_vectors(feature_map: FeatureMap, product: Callable[..., Tensor], x: Tensor, *vectors: Tensor) -> Tensor:
    """The product of points x [p, ·] with each of k sets of vectors [k, p, ·], [k, p, ·]."""
    x = x.clone()  # tangents of a view take the layout of its whole storage, which keeps products from being merged
    count = len(vectors[0])
    if isinstance(feature_map, Batched) and feature_map.unshared:
        rows = (value.reshape(count * len(x), -1) for value in vectors)
        return product(x.repeat(count, 1), *rows).unflatten(0, (count, len(x)))
    return vmap(lambda *values: product(x, *values))(*(value.contiguous() for value in vectors))


def measured_cost(feature_map: FeatureMap, point: Tensor) -> Cost:
    """The sizes of a feature map, from one evaluation at a point [d]; raises `DataError` unless it returns [n]."""
    with torch.enable_grad(), _Sizes() as seen:
        features = feature_map(point.detach().clone().requires_grad_())
    if features.ndim != 1:
        raise DataError(f"feature map: returned shape {list(features.shape)}; give a map from [d] to [n]")
    return Cost(len(point), len(features), max(seen.widest, len(point), len(features)), seen.total)


class _Sizes(TorchFunctionMode):
    """Sees every torch function, and keeps the sizes of the results that depend on the point."""

    def __init__(self):
        super().__init__()
        self.widest = self.total = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.requires_grad:
            self.widest, self.total = max(self.widest, result.numel()), self.total + result.numel()
        return result


def check_points(x: Tensor) -> None:
    """Raise `DataError` unless x is [p, d], not empty, finite and float64."""
    if x.ndim != 2 or x.numel() == 0:
        raise DataError(f"x: shape {list(x.shape)}; give points as rows, [p, d], at least one")
    if x.dtype != torch.float64:
        raise DataError(f"x: {str(x.dtype).removeprefix('torch.')}; give points in float64, x.double()")
    if not x.isfinite().all():
        bad = int((~x.isfinite()).any(1).nonzero()[0])
        raise DataError(f"x: point {bad} has values that are nan or infinite")


def check_finite(J: Tensor, first: int = 0) -> None:
    """Raise `ArithmeticError` for derivatives [p, n, d] that are not finite, counting points from `first`."""
    bad = (~J.sum((1, 2)).isfinite()).nonzero()  # a sum is finite if all values are, and is cheaper to check
    if len(bad):
        raise ArithmeticError(f"point {first + int(bad[0])}: the Jacobian has values that aren't finite")


def check_memory(memory: float) -> None:
    """Raise `ConfigError` unless the budget is positive."""
    if not memory > 0:
        raise ConfigError("geometry.memory", memory, "must be positive: give a number of bytes such as 1e9")
