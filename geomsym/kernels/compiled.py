"""What the compiled paths share: the networks that they cover, and what one pass over the planes takes and gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.architectures.layer_specs import Activation, Conv, Dense, LocallyConnected, Specs
from geomsym.kernels.planes import Matrices, equal_pairs, finish, is_circular, kernel_block
from geomsym.kernels.readout import Window, axis_pairs, split_together
from geomsym.kernels.recursion import box_mean


@dataclass(frozen=True)
class PlanePass:
    """All that one pass over the displacement planes of two sets of images needs, for L convolutions with ReLU.

    Images x1 [n1, c, h, w] and x2 [n2, c, h, w]; variances q1 [n1, L, h, w] and q2 of the pre-activations, float64.
    Vertical displacements `dys` [ny] and horizontal ones `dxs` [nx] occur in all combinations; the k-th of R readouts
    gives the pair (α, α + δ) the weight rows[k, dy, a]·columns[k, dx, b], with rows [R, ny, h] and columns [R, nx, w].
    """

    convolutions: tuple[Conv, ...]
    circular: bool
    x1: Tensor
    x2: Tensor
    q1: Tensor
    q2: Tensor
    dys: list[int]
    dxs: list[int]
    rows: Tensor
    columns: Tensor

    def variances_within(self, least: float, most: float) -> bool:
        """Whether the variances of every layer are 0 or in this range, of which products have to be numbers."""
        q = torch.cat([self.q1.flatten(), self.q2.flatten()])
        return bool(((q == 0) | ((q >= least) & (q <= most))).all())

    @property
    def signal(self) -> float:
        """First-layer variance from pixels, as a multiple of that from biases: the least over images not all 0."""
        spec, images = self.convolutions[0], torch.cat([self.x1, self.x2]).double().square().mean((1, 2, 3))
        parts = spec.w_variance * images[images > 0] / (spec.b_variance or torch.finfo(torch.float64).tiny)
        return parts.min().item() if len(parts) else float("inf")

    @classmethod
    def of(cls, body: Specs, windows: Sequence[Window], x1: Tensor, x2: Tensor) -> "PlanePass":
        """The pass that these readouts need together."""
        h, w = x1.shape[2:]
        circular = is_circular(body)
        convolutions = tuple(spec for spec in body if isinstance(spec, Conv))
        dys, rows = _axis(h, [window.height for window in windows], circular)
        dxs, columns = _axis(w, [window.width for window in windows], circular)
        share = torch.tensor([1 / (h * w * window.height * window.width) for window in windows], dtype=torch.float64)
        q1, q2 = (_variances(convolutions, x) for x in (x1, x2))
        return cls(convolutions, circular, x1, x2, q1, q2, dys, dxs, rows * share[:, None, None], columns)


PlaneSums = Callable[[PlanePass], Matrices]
"""K and Θ [R, n1, n2] behind every readout of a pass."""

Covers = Callable[[PlanePass], bool]
"""Whether the numbers of a pass are within what a compiled path computes with its full precision."""


def is_relu_body(body: Specs) -> bool:
    """Whether layers are convolutions, each followed by ReLU."""
    return (
        len(body) > 0
        and len(body) % 2 == 0
        and all(isinstance(layer, Conv) for layer in body[::2])
        and all(activation == Activation("relu") for activation in body[1::2])
    )


def covers(networks: Sequence[Specs], size: tuple[int, int]) -> bool:
    """Whether networks are convolutions with ReLU and a dense readout.

    Locally connected layers are convolutions where only equal positions are read out.
    """
    body, windows, heads = split_together(networks, size)
    shared = not any(isinstance(spec, LocallyConnected) for spec in body)
    return (
        is_relu_body(body)
        and (shared or all(window == Window(1, 1) for window in windows))
        and all(isinstance(spec, Dense) for head in heads for spec in head)
    )


def convolutional_block(
    networks: Sequence[Specs], x1: Tensor, x2: Tensor, plane_sums: PlaneSums, in_range: Covers
) -> list[Matrices]:
    """NNGP and NTK [n1, n2] of every network, float64, for networks that `covers`; by the reference if out of range."""
    body, windows, heads = split_together(networks, (x1.shape[2], x1.shape[3]))
    work = PlanePass.of(body, windows, x1, x2)
    if not in_range(work):
        return kernel_block(networks, x1, x2)
    K, Theta = plane_sums(work)
    q, q2 = (K.new_zeros(len(x)) for x in (x1, x2))  # variances, which no layer behind asks for
    result = []
    for window, head, mean in zip(windows, heads, zip(K, Theta, strict=True), strict=True):
        if window == Window(1, 1):
            _exact_where_equal(work, *mean)
        result.append(finish(head, mean, q, q2))
    return result


def _axis(size: int, windows: Sequence[int], circular: bool) -> tuple[list[int], Tensor]:
    """The consecutive displacements along an axis that windows of these lengths need, and each window's indicators.

    Returns [m] and [len(windows), m, size], float64.
    """
    largest = max(windows)
    periodic = circular and largest == size
    displacements = list(range(size)) if periodic else list(range(1 - largest, largest))
    nothing = torch.zeros(size, dtype=torch.float64)
    pairs = [axis_pairs(size, window, circular) for window in windows]
    indicators = [[axis.get(d % size if circular else d, nothing) for d in displacements] for axis in pairs]
    return displacements, torch.stack([torch.stack(axis) for axis in indicators])


def _variances(convolutions: Sequence[Conv], x: Tensor) -> Tensor:
    """Q [n, L, h, w] of the pre-activations of every layer, float64: σ_w²·mean over taps + σ_b², halved by ReLU."""
    q, planes = x.double().square().mean(1), []
    for spec in convolutions:
        q = spec.w_variance * box_mean(q, spec.kernel_size, spec.padding) + spec.b_variance
        planes.append(q)
        q = q / 2
    return torch.stack(planes, dim=1)


def _exact_where_equal(work: PlanePass, K: Tensor, Theta: Tensor) -> None:
    """Overwrite K and Θ of equal images, whose angle is 0: without averaging, its rounding error would show.

    Θ ← σ_w²·mean over taps of Θ/2 + q, with Θ = 0 before the first layer.
    """
    rows, columns = equal_pairs(work.x1, work.x2)
    theta = torch.zeros_like(work.q1[:, 0])
    for layer, spec in enumerate(work.convolutions):
        theta = spec.w_variance * box_mean(theta, spec.kernel_size, spec.padding) + work.q1[:, layer]
        theta = theta / 2
    K[rows, columns] = (work.q1[:, -1].mean((1, 2)) / 2)[rows].to(K)
    Theta[rows, columns] = theta.mean((1, 2))[rows].to(Theta)
