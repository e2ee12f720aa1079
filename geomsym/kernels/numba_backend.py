"""Tiles by the compiled path of `geomsym.kernels.numba_planes`: from torch tensors and layer specs, and back."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Activation, Conv, Dense, LayerSpec, LocallyConnected, Specs
from geomsym.kernels.planes import equal_pairs, finish
from geomsym.kernels.readout import Window, axis_pairs, split_at_readout
from geomsym.kernels.recursion import box_mean

LANES = 64
"""The length of the fastest axis that is aimed at, by taking several images together."""


def supports(specs: Specs, x: Tensor) -> bool:
    """Whether the compiled path covers these layers, on the CPU and in float32.

    It does circular 3×3 convolutions, each followed by ReLU, with a dense readout, and dense layers with ReLU. Locally
    connected layers are convolutions where only equal positions are read out.
    """
    body, window, head = split_at_readout(specs, (x.shape[2], x.shape[3]))
    hidden, readout = (body, head) if body else (head[:-1], head[-1:])
    kinds = ((Conv, LocallyConnected) if window == Window(1, 1) else (Conv,)) if body else (Dense,)
    return (
        x.dtype == torch.float32
        and x.device.type == "cpu"
        and len(hidden) > 0
        and len(hidden) % 2 == 0
        and all(type(layer) in kinds and _is_circular_3x3(layer) for layer in hidden[::2])
        and all(activation == Activation("relu") for activation in hidden[1::2])
        and all(isinstance(spec, Dense) for spec in readout)
    )


def _is_circular_3x3(layer: LayerSpec) -> bool:
    return not isinstance(layer, Conv) or (layer.kernel_size, layer.padding) == (3, "circular")


@dataclass(frozen=True)
class _Readout:
    """Displacements and weights in the compiled path's order: dx runs from `first`, dy over `dys`."""

    first: int
    dys: np.ndarray
    rows: np.ndarray  # [ny, h]
    columns: np.ndarray  # [w, ndx]

    @classmethod
    def of(cls, window: Window, h: int, w: int) -> "_Readout":
        vertical, horizontal = axis_pairs(h, window.height, True), axis_pairs(w, window.width, True)
        first = 0 if window.width == w else 1 - window.width
        columns = np.stack([horizontal[dx % w].numpy() for dx in range(first, first + len(horizontal))], axis=1)
        rows = np.stack([plane.numpy() for plane in vertical.values()])
        share = 1 / (h * w * window.height * window.width)
        return cls(first, np.array(list(vertical)), rows * share, columns)


def kernel_block(specs: Specs, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """NNGP and NTK [n1, n2] of images x1 [n1, c, h, w] and x2 [n2, c, h, w], float32; for layers that `supports`."""
    body, window, head = split_at_readout(specs, (x1.shape[2], x1.shape[3]))
    K, T = _convolutional(body, window, x1, x2) if body else _dense(head[:-1], x1, x2)
    unread = (torch.zeros(len(x)) for x in (x1, x2))  # variances, which no layer behind needs
    nngp, ntk = finish(head if body else head[-1:], torch.from_numpy(K), torch.from_numpy(T), *unread)
    return nngp.to(x1), ntk.to(x1)


def _convolutional(body: Specs, window: Window, x1: Tensor, x2: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """K and Θ [n1, n2] behind the readout, float64."""
    from geomsym.kernels.numba_planes import all_units

    h, w = x1.shape[2:]
    readout = _Readout.of(window, h, w)
    convolutions = [spec for spec in body if isinstance(spec, Conv)]
    scales = np.array([spec.w_variance / 9 for spec in convolutions], np.float32)
    shifts = np.array([spec.b_variance for spec in convolutions], np.float32)
    variances1, variances2 = (_variances(convolutions, x) for x in (x1, x2))
    K, T = np.zeros((len(x1), len(x2))), np.zeros((len(x1), len(x2)))
    together = max(1, LANES // readout.columns.shape[1])
    inverse, root = _inverse_and_root(variances1)
    for start in range(0, len(x2), together):
        block = slice(start, start + together)
        inverse2, root2 = (_three_periods(plane) for plane in _inverse_and_root(variances2[block]))
        images = _three_periods(x2[block].numpy())
        out = [np.zeros((len(x1), len(x2[block]))) for _ in range(2)]
        all_units(
            x1.numpy(), images, readout.first, readout.dys, readout.rows, readout.columns, scales, shifts,
            inverse, root, _rows_flat(inverse2), _rows_flat(root2), *out,
        )  # fmt: skip
        K[:, block], T[:, block] = out
    if window == Window(1, 1):
        _exact_where_equal(convolutions, x1, x2, variances1, K, T)
    return K, T


def _dense(hidden: Specs, x1: Tensor, x2: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """K and Θ [n1, n2] behind fully connected hidden layers, float32."""
    from geomsym.kernels.numba_planes import dense_layers

    layers = [spec for spec in hidden if isinstance(spec, Dense)]
    scales = np.array([spec.w_variance for spec in layers], np.float32)
    shifts = np.array([spec.b_variance for spec in layers], np.float32)
    q1, q2 = (x.double().square().mean((1, 2, 3)) for x in (x1, x2))
    K = x1.flatten(1) @ x2.flatten(1).mT / x1[0].numel()
    rows, columns = equal_pairs(x1, x2)
    K[rows, columns] = q1[rows].float()  # a sum of thousands of products rounds too much for an angle of 0
    T = torch.zeros_like(K)
    (inverse, root), (inverse2, root2) = (_inverse_and_root(_dense_variances(layers, q)) for q in (q1, q2))
    dense_layers(K.numpy(), T.numpy(), scales, shifts, inverse, root, inverse2, root2)
    return K.numpy(), T.numpy()


def _dense_variances(layers: list[Dense], q: Tensor) -> np.ndarray:
    """Q [L, n] of the pre-activations of every layer, float64."""
    planes = []
    for spec in layers:
        q = spec.w_variance * q + spec.b_variance
        planes.append(q)
        q = q / 2
    return torch.stack(planes).numpy()


def _variances(convolutions: list[Conv], x: Tensor) -> np.ndarray:
    """Q [n, L, h, w] of the pre-activations of every layer, float64: σ_w²·mean over taps + σ_b², halved by ReLU."""
    q, planes = x.double().square().mean(1), []
    for spec in convolutions:
        q = spec.w_variance * box_mean(q, 3, "circular") + spec.b_variance
        planes.append(q)
        q = q / 2
    return torch.stack(planes, dim=1).numpy()


def _inverse_and_root(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    root = np.sqrt(np.maximum(q, np.finfo(np.float32).tiny))
    return np.ascontiguousarray(1 / root, np.float32), np.ascontiguousarray(np.sqrt(q), np.float32)


def _three_periods(x: np.ndarray) -> np.ndarray:
    """[m, c, h, w] -> [c, h, 3·w, m]."""
    return np.ascontiguousarray(np.concatenate([x, x, x], axis=3).transpose(1, 2, 3, 0))


def _rows_flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:2], -1)


def _exact_where_equal(
    convolutions: list[Conv], x1: Tensor, x2: Tensor, variances: np.ndarray, K: np.ndarray, T: np.ndarray
) -> None:
    """Overwrite K and Θ of equal images, whose angle is 0: without averaging, its rounding error would show.

    Θ ← σ_w²·mean over taps of Θ/2 + q, with Θ = 0 before the first layer.
    """
    rows, columns = (index.numpy() for index in equal_pairs(x1, x2))
    theta = torch.zeros(len(x1), *x1.shape[2:], dtype=torch.float64)
    for layer, spec in enumerate(convolutions):
        theta = (spec.w_variance * box_mean(theta, 3, "circular") + torch.from_numpy(variances[:, layer])) / 2
    K[rows, columns] = variances[rows, -1].mean((1, 2)) / 2
    T[rows, columns] = theta.mean((1, 2)).numpy()[rows]
