"""Tiles by the Triton kernel of `geomsym.kernels.triton_planes`: from layer specs to its arguments."""

from collections.abc import Sequence
from importlib.util import find_spec

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Conv, Specs
from geomsym.kernels.compiled import PlanePass, convolutional_block, covers
from geomsym.kernels.planes import Matrices

LARGEST_SIDE = 64
"""That of `geomsym.kernels.triton_planes`, which is imported only where there is a GPU."""

COVERAGE = f"convolutions with ReLU, images up to {LARGEST_SIDE}×{LARGEST_SIDE}, float32, on a CUDA device with Triton"


def supports(networks: Sequence[Specs], x: Tensor) -> bool:
    """Whether the compiled path covers these networks on these images; see `COVERAGE`."""
    size = (x.shape[2], x.shape[3])
    here = x.device.type == "cuda" and x.dtype == torch.float32 and find_spec("triton") is not None
    return here and max(size) <= LARGEST_SIDE and covers(networks, size)


def kernel_block(networks: Sequence[Specs], x1: Tensor, x2: Tensor) -> list[Matrices]:
    """NNGP and NTK [n1, n2] of images x1 [n1, c, h, w] and x2 [n2, c, h, w], float64; for networks that `supports`."""
    return convolutional_block(networks, x1, x2, plane_sums, in_range)


def in_range(work: PlanePass) -> bool:
    """Whether float32 has the digits: products of two variances, and angles between images that biases make small.

    Of a cosine that rounds by 1e-7 near 1 the slope has an error of up to 6e-4.
    """
    return work.variances_within(1e-17, 1e17) and work.signal > 0.01


def plane_sums(work: PlanePass) -> Matrices:
    """K and Θ [R, n1, n2] behind the R readouts of a pass, float64."""
    from geomsym.kernels import triton_planes

    h, w = work.x1.shape[2:]
    scales, shifts = (torch.tensor(values) for values in zip(*map(_scale_and_shift, work.convolutions), strict=True))
    vertical, horizontal = (
        torch.stack([taps(size, spec.kernel_size, work.circular) for spec in work.convolutions]) for size in (h, w)
    )
    return triton_planes.plane_sums(
        work.x1, work.x2, vertical, horizontal, scales, shifts, work.q1, work.q2,
        work.dys, work.dxs, work.rows, work.columns, work.circular,
    )  # fmt: skip


def taps(size: int, kernel_size: int, circular: bool) -> Tensor:
    """How often position a' is a tap of position a along an axis, [size, size]; with padding «zero» at most once."""
    a, tap = torch.arange(size)[:, None], torch.arange(kernel_size) - kernel_size // 2
    reached = a + tap
    counts = torch.zeros(size, size)
    inside = ((reached >= 0) & (reached < size)) | circular
    return counts.scatter_add(1, reached % size, inside.float())


def _scale_and_shift(spec: Conv) -> tuple[float, float]:
    return spec.w_variance / spec.kernel_size**2, spec.b_variance
