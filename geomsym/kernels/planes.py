"""The reference: NNGP and NTK of any layer specs, one displacement plane after another, in plain torch and float64.

Images of any dtype: products of float32 numbers are exact in float64, variances up to 1e77 have a range to grow in, and
the rounding of a whole recursion stays far below that of a float32 result.
"""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Activation, Conv, Specs
from geomsym.errors import ConfigError
from geomsym.kernels.readout import Displacement, pair_weights, split_together
from geomsym.kernels.recursion import Planes, Vectors, input_planes, propagate

Matrices = tuple[Tensor, Tensor]
"""NNGP (or K) and NTK (or Θ)."""

Weights = dict[Displacement, Tensor]


def kernel_block(networks: Sequence[Specs], x1: Tensor, x2: Tensor) -> list[Matrices]:
    """NNGP and NTK [n1, n2] of every network, for images x1 [n1, c, h, w] and x2 [n2, c, h, w].

    In float64, on their device. The networks share their layers up to the readout, and one pass over the planes serves
    all of them. Memory is that of a few planes [n1, n2, h, w], whatever the depth and the number of
    displacements. Raises `ConfigError` where the networks differ before their readouts.
    """
    x1, x2, size = x1.double(), x2.double(), (x1.shape[2], x1.shape[3])
    body, windows, heads = split_together(networks, size)
    weights = [pair_weights(window, size, is_circular(body)) for window in windows]
    means = _read_out(body, weights, x1, x2)
    if any(isinstance(spec, Activation) for head in heads for spec in head):
        q, q2 = (_variances(body, weights, x) for x in (x1, x2))
        rows, columns = equal_pairs(x1, x2)
        for (K, _), variances in zip(means, q, strict=True):
            K[rows, columns] = variances[rows]  # their angle is 0, not the root of a rounding error
    else:  # no layer behind the readout asks for variances
        q, q2 = ([x.new_zeros(len(x))] * len(heads) for x in (x1, x2))
    return [finish(*network) for network in zip(heads, means, q, q2, strict=True)]


def finish(head: Specs, mean: Matrices, q: Tensor, q2: Tensor) -> Matrices:
    """NNGP and NTK [n1, n2] behind the layers that follow the readout; q [n1] and q' [n2] are the variances there."""
    state = reduce(lambda state, spec: propagate(spec, state), head, Vectors(*mean, q[:, None], q2[None]))
    return state.K, state.Theta


def is_circular(body: Specs) -> bool:
    """Whether planes are periodic; raises `ConfigError` where layers differ in their padding."""
    paddings = {spec.padding for spec in body if isinstance(spec, Conv)}
    if len(paddings) > 1:
        raise ConfigError("architecture.padding", sorted(paddings), "a kernel needs the same padding in all layers")
    return paddings != {"zero"}


def _read_out(body: Specs, weights: Sequence[Weights], x1: Tensor, x2: Tensor) -> list[Matrices]:
    """K and Θ [n1, n2] behind each readout: weighted sums over positions and displacements."""
    if not body and all(len(planes) == 1 for planes in weights):  # fully connected: no planes to compute
        K = x1.flatten(1) @ x2.flatten(1).mT / x1[0].numel()
        return [(K.clone(), torch.zeros_like(K)) for _ in weights]
    result = [(x1.new_zeros(len(x1), len(x2)), x1.new_zeros(len(x1), len(x2))) for _ in weights]
    for displacement in sorted({displacement for planes in weights for displacement in planes}):
        start: Planes = input_planes(x1, x2, displacement, is_circular(body))
        planes = reduce(lambda state, spec: propagate(spec, state), body, start)
        for readout, (K, Theta) in zip(weights, result, strict=True):
            if displacement in readout:
                K += torch.einsum("ijab,ab->ij", planes.K, readout[displacement].to(K))
                Theta += torch.einsum("ijab,ab->ij", planes.Theta, readout[displacement].to(K))
    return result


def _variances(body: Specs, weights: Sequence[Weights], x: Tensor) -> list[Tensor]:
    """K(x, x) [n] behind each readout for every image by itself."""
    alone = [[K.reshape(1) for K, _ in _read_out(body, weights, image[None], image[None])] for image in x]
    return [torch.cat(readout) for readout in zip(*alone, strict=True)]


def equal_pairs(x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """The indices (i, j) of all pairs of equal images, x1[i] = x2[j]."""
    known: dict[bytes, list[int]] = {}
    for j, image in enumerate(x2.cpu().numpy() + 0.0):
        known.setdefault(image.tobytes(), []).append(j)
    pairs = [(i, j) for i, image in enumerate(x1.cpu().numpy() + 0.0) for j in known.get(image.tobytes(), [])]
    rows, columns = torch.tensor(pairs, dtype=torch.int64, device=x1.device).reshape(-1, 2).unbind(1)
    return rows, columns
