"""Tiles by the compiled path of `geomsym.kernels.numba_planes`: from torch tensors and layer specs, and back."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Activation, Conv, Dense, Specs
from geomsym.kernels.compiled import PlanePass, convolutional_block, covers
from geomsym.kernels.planes import Matrices, equal_pairs, finish
from geomsym.kernels.readout import split_together
from geomsym.threads import keep_numba_to_cores

LANES = 64
"""The length of the fastest axis that is aimed at, by taking several images together."""

COVERAGE = "dense and circular 3×3 layers with ReLU, float32, on a CPU"


def supports(networks: Sequence[Specs], x: Tensor) -> bool:
    """Whether the compiled path covers these networks on these images; see `COVERAGE`."""
    size = (x.shape[2], x.shape[3])
    body, _, heads = split_together(networks, size)
    if x.dtype != torch.float32 or x.device.type != "cpu":
        return False
    if not body:
        return all(_is_dense(head) for head in heads)
    filters = {(spec.kernel_size, spec.padding) for spec in body if isinstance(spec, Conv)}
    return covers(networks, size) and filters == {(3, "circular")}


def _in_range(work: PlanePass) -> bool:
    """Whether Θ, a float32 that is up to a few hundred times the variances, has all its digits."""
    return work.variances_within(1e-34, 1e34)


def _is_dense(layers: Specs) -> bool:
    return (
        len(layers) > 1
        and len(layers) % 2 == 1
        and all(isinstance(spec, Dense) for spec in layers[::2])
        and all(spec == Activation("relu") for spec in layers[1::2])
    )


def kernel_block(networks: Sequence[Specs], x1: Tensor, x2: Tensor) -> list[Matrices]:
    """NNGP and NTK [n1, n2] of images x1 [n1, c, h, w] and x2 [n2, c, h, w], float64; for networks that `supports`."""
    body, _, heads = split_together(networks, (x1.shape[2], x1.shape[3]))
    if body:
        return convolutional_block(networks, x1, x2, plane_sums, _in_range)
    unread = torch.zeros(len(x1), dtype=torch.float64), torch.zeros(len(x2), dtype=torch.float64)
    return [finish(head[-1:], _dense(head[:-1], x1, x2), *unread) for head in heads]


def plane_sums(work: PlanePass) -> Matrices:
    """K and Θ [R, n1, n2] behind the R readouts of a pass, float64."""
    from geomsym.kernels.numba_planes import all_units

    keep_numba_to_cores()
    scales = np.array([spec.w_variance / 9 for spec in work.convolutions])
    shifts = np.array([spec.b_variance for spec in work.convolutions], np.float64)
    shape = len(work.rows), len(work.x1), len(work.x2)
    K, T = np.zeros(shape), np.zeros(shape)
    inverse, root = _inverse_and_root(work.q1)
    rows, columns = work.rows.numpy(), np.ascontiguousarray(work.columns.transpose(1, 2).numpy())
    together = max(1, LANES // len(work.dxs))
    for start in range(0, len(work.x2), together):
        block = slice(start, start + together)
        inverse2, root2 = (_three_periods(plane) for plane in _inverse_and_root(work.q2[block]))
        images = _three_periods(work.x2[block].numpy())
        out = [np.zeros((*shape[:2], len(work.x2[block]))) for _ in range(2)]
        all_units(
            work.x1.numpy(), images, work.dxs[0], np.array(work.dys), rows, columns, scales, shifts,
            inverse, root, _rows_flat(inverse2), _rows_flat(root2), *out,
        )  # fmt: skip
        K[..., block], T[..., block] = out
    return torch.from_numpy(K), torch.from_numpy(T)


def _dense(hidden: Specs, x1: Tensor, x2: Tensor) -> Matrices:
    """K and Θ [n1, n2] behind fully connected hidden layers, float64."""
    from geomsym.kernels.numba_planes import dense_layers

    keep_numba_to_cores()
    layers = [spec for spec in hidden if isinstance(spec, Dense)]
    scales = np.array([spec.w_variance for spec in layers], np.float64)
    shifts = np.array([spec.b_variance for spec in layers], np.float64)
    q1, q2 = (x.double().square().mean((1, 2, 3)) for x in (x1, x2))
    K = x1.double().flatten(1) @ x2.double().flatten(1).mT / x1[0].numel()
    rows, columns = equal_pairs(x1, x2)
    K[rows, columns] = q1[rows]  # a sum of thousands of products rounds too much for an angle of 0
    T = torch.zeros_like(K)
    (inverse, root), (inverse2, root2) = (_inverse_and_root(_dense_variances(layers, q)) for q in (q1, q2))
    dense_layers(K.numpy(), T.numpy(), scales, shifts, inverse, root, inverse2, root2)
    return K, T


def _dense_variances(layers: list[Dense], q: Tensor) -> Tensor:
    """Q [L, n] of the pre-activations of every layer, float64."""
    planes = []
    for spec in layers:
        q = spec.w_variance * q + spec.b_variance
        planes.append(q)
        q = q / 2
    return torch.stack(planes)


def _inverse_and_root(q: Tensor) -> tuple[np.ndarray, np.ndarray]:
    root = q.sqrt()
    inverse = 1 / root.clamp_min(float(np.sqrt(np.finfo(np.float64).tiny)))
    return inverse.contiguous().numpy(), root.contiguous().numpy()


def _three_periods(x: np.ndarray) -> np.ndarray:
    """[m, c, h, w] -> [c, h, 3·w, m]."""
    return np.ascontiguousarray(np.concatenate([x, x, x], axis=3).transpose(1, 2, 3, 0))


def _rows_flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:2], -1)
