"""The reference: NNGP and NTK of any layer specs, one displacement plane after another, in plain torch."""

from functools import reduce

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Activation, Conv, Specs
from geomsym.errors import ConfigError
from geomsym.kernels.readout import Displacement, pair_weights, split_at_readout
from geomsym.kernels.recursion import Planes, Vectors, input_planes, propagate


def kernel_block(specs: Specs, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """NNGP and NTK [n1, n2] of images x1 [n1, c, h, w] and x2 [n2, c, h, w], in their dtype and on their device.

    Memory is that of a few planes [n1, n2, h, w], whatever the depth and the number of displacements.
    """
    body, window, head = split_at_readout(specs, (x1.shape[2], x1.shape[3]))
    circular = is_circular(body)
    weights = pair_weights(window, (x1.shape[2], x1.shape[3]), circular)
    K, Theta = _read_out(body, weights, x1, x2, circular)
    if not any(isinstance(spec, Activation) for spec in head):
        return finish(head, K, Theta, K.new_zeros(len(x1)), K.new_zeros(len(x2)))  # variances that no layer reads
    q, q2 = (_variances(body, weights, x, circular) for x in (x1, x2))
    rows, columns = equal_pairs(x1, x2)
    K[rows, columns] = q[rows]  # so that the angle between equal images is 0, not the root of a rounding error
    return finish(head, K, Theta, q, q2)


def finish(head: Specs, K: Tensor, Theta: Tensor, q: Tensor, q2: Tensor) -> tuple[Tensor, Tensor]:
    """NNGP and NTK [n1, n2] behind the layers that follow the readout; q [n1] and q' [n2] are the variances there."""
    state = reduce(lambda state, spec: propagate(spec, state), head, Vectors(K, Theta, q[:, None], q2[None]))
    return state.K, state.Theta


def is_circular(body: Specs) -> bool:
    """Whether planes are periodic; raises `ConfigError` where layers differ in their padding."""
    paddings = {spec.padding for spec in body if isinstance(spec, Conv)}
    if len(paddings) > 1:
        raise ConfigError("architecture.padding", sorted(paddings), "a kernel needs the same padding in all layers")
    return paddings != {"zero"}


def _read_out(
    body: Specs, weights: dict[Displacement, Tensor], x1: Tensor, x2: Tensor, circular: bool
) -> tuple[Tensor, Tensor]:
    """K and Θ [n1, n2] behind the readout: weighted sums over positions and displacements."""
    K = x1.new_zeros(len(x1), len(x2))
    Theta = torch.zeros_like(K)
    if not body and len(weights) == 1:  # fully connected: no planes to compute
        return x1.flatten(1) @ x2.flatten(1).mT / x1[0].numel(), Theta
    for displacement, weight in weights.items():
        start: Planes = input_planes(x1, x2, displacement, circular)
        planes = reduce(lambda state, spec: propagate(spec, state), body, start)
        K += torch.einsum("ijab,ab->ij", planes.K, weight.to(K))
        Theta += torch.einsum("ijab,ab->ij", planes.Theta, weight.to(K))
    return K, Theta


def _variances(body: Specs, weights: dict[Displacement, Tensor], x: Tensor, circular: bool) -> Tensor:
    """K(x, x) [n] behind the readout for every image by itself."""
    return torch.cat([_read_out(body, weights, image[None], image[None], circular)[0].reshape(1) for image in x])


def equal_pairs(x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """The indices (i, j) of all pairs of equal images, x1[i] = x2[j]."""
    known: dict[bytes, list[int]] = {}
    for j, image in enumerate(x2.cpu().numpy()):
        known.setdefault(image.tobytes(), []).append(j)
    pairs = [(i, j) for i, image in enumerate(x1.cpu().numpy()) for j in known.get(image.tobytes(), [])]
    rows, columns = torch.tensor(pairs, dtype=torch.int64, device=x1.device).reshape(-1, 2).unbind(1)
    return rows, columns
