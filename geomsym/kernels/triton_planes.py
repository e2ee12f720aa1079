"""The fast path on GPUs: displacement planes of convolutional ReLU networks, in one Triton kernel.

A program takes one pair of images (x, x') at one vertical displacement dy and goes through the horizontal ones. K and Θ
at (α, α + δ) are two planes over α that stay in registers from the input to the readout, whatever the depth. With the
numbers of taps V and H along both axes, a convolution is

    K ← s·V K Hᵀ + σ_b²,      Θ ← K + s·V Θ Hᵀ,      s = σ_w²/k²,

two matrix products for filters of any size and padding, instead of neighbours that would have to be fetched from other
threads. Tensor cores make them cheap, if their precision is looked after: entries of V and H are small integers, exact
in bfloat16, and a float32 with its 24 bits is the exact sum of three bfloat16 numbers with 8 bits each. All products
are then exact, and sums are accumulated in float32, from the smallest part to the largest, so that a sum loses its last
bit at most where tensor cores truncate.

Per element of a plane, layer and kernel, for images with sides of 32: products in float32 arithmetic are 4·32 = 128
operations on ordinary cores, several times all else in a layer. Three parts in bfloat16 are 384 operations, which
tensor cores of the Hopper generation take at some 15 times that rate by data sheet, and a dozen more to part a plane.
Two parts in TF32, at half the rate of bfloat16, are 256: more work, and not quite exact with their 11 + 11 bits.
"""

from collections.abc import Sequence
from math import pi
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

LARGEST_SIDE = 64
"""Images with larger sides do not fit into the registers of a program."""

PARTIAL_SUMS = 2**26
"""How many float32 numbers the programs of one launch may leave behind."""

ALMOST_ONE = tl.constexpr(1 - 5e-7)  # cosines above are 1 up to rounding
SMALLEST = tl.constexpr(torch.finfo(torch.float32).tiny)
PI, HALF_OVER_PI = tl.constexpr(pi), tl.constexpr(0.5 / pi)


def plane_sums(
    x1: Tensor,
    x2: Tensor,
    vertical: Tensor,
    horizontal: Tensor,
    scales: Tensor,
    shifts: Tensor,
    q1: Tensor,
    q2: Tensor,
    dys: Sequence[int] | Tensor,
    dxs: Sequence[int] | Tensor,
    rows: Tensor,
    columns: Tensor,
    circular: bool,
) -> tuple[Tensor, Tensor]:
    """K and Θ [R, n1, n2] behind R readouts of images x1 [n1, c, h, w] and x2 [n2, c, h, w], h and w up to 64.

    vertical [L, h, h] and horizontal [L, w, w] hold for every layer how often position a' is a tap of position a, up to
    256 times; scales [L] are σ_w²/k² and shifts [L] σ_b²; q1 [n1, L, h, w] and q2 [n2, L, h, w] the variances of
    pre-activations. dys [ny] and dxs [nx] are the displacements; readout r weighs the pair (α, α + δ) at α = (a, b)
    with rows[r, dy, a]·columns[r, dx, b]. Displaced positions wrap around if `circular`; else planes are 0 where α + δ
    lies outside the image.

    Everything is computed in float32 and on the device of x1; sums over dy, and with them the results, are float64.
    """
    (n1, channels, h, w), n2, layers = x1.shape, len(x2), len(scales)
    if circular:
        dys, dxs = (torch.as_tensor(d) % size for d, size in ((dys, h), (dxs, w)))
    dys, dxs = (torch.as_tensor(d, dtype=torch.int32, device=x1.device) for d in (dys, dxs))
    exact = torch.bfloat16 if x1.is_cuda else torch.float32  # the interpreter has no products in bfloat16
    taps = [counts.to(x1.device, exact).contiguous() for counts in (vertical, horizontal)]
    x1, x2, scales, shifts, q1, q2, rows, columns = (
        value.to(x1.device, torch.float32).contiguous() for value in (x1, x2, scales, shifts, q1, q2, rows, columns)
    )
    readouts, ny, nx = len(rows), len(dys), len(dxs)
    sums = torch.empty(n1, n2, 2, readouts, dtype=torch.float64, device=x1.device)
    together = max(1, PARTIAL_SUMS // (n2 * ny * 2 * readouts))
    for start in range(0, n1, together):
        chunk = slice(start, start + together)
        partial = x1.new_empty(len(x1[chunk]), n2, ny, 2, readouts)
        with torch.cuda.device_of(x1):
            arguments: list[Any] = [x1[chunk], x2, *taps, scales, shifts, q1[chunk], q2, dys, dxs, rows, columns]
            arguments += [partial, n2, ny, nx, layers, channels, readouts, circular]
            _planes[(partial[..., 0, 0].numel(),)](*arguments, **launch_settings(h, w, readouts))
        sums[chunk] = partial.sum(2, dtype=torch.float64)
    K, Theta = sums.permute(2, 3, 0, 1)
    return K, Theta


def launch_settings(height: int, width: int, readouts: int) -> dict[str, Any]:
    """What the kernel is compiled for: the image, the tile of powers of two around it, and 16 values a thread."""
    block_h, block_w = (max(16, triton.next_power_of_2(side)) for side in (height, width))
    sizes = {"HEIGHT": height, "WIDTH": width, "BLOCK_H": block_h, "BLOCK_W": block_w}
    return {
        **sizes,
        "BLOCK_R": triton.next_power_of_2(readouts),
        "num_warps": max(1, block_h * block_w // 512),
        "num_stages": 1,
        "enable_fp_fusion": True,
    }


@triton.jit(do_not_specialize=["n2", "ny", "nx", "layers", "channels", "readouts"])
def _planes(
    x1, x2, vertical, horizontal, scales, shifts, q1, q2, dys, dxs, rows, columns, sums,
    n2, ny, nx, layers, channels, readouts, CIRCULAR: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_H: tl.constexpr, BLOCK_W: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """One pair of images at one dy: K and Θ summed over positions and dx, into sums [n1, n2, ny, 2, readouts]."""
    program = tl.program_id(0)
    pair, y = program // ny, program % ny
    size = HEIGHT * WIDTH
    i, j = (pair // n2).to(tl.int64), (pair % n2).to(tl.int64)
    x1, x2, q1, q2 = x1 + i * channels * size, x2 + j * channels * size, q1 + i * layers * size, q2 + j * layers * size

    a, b = tl.arange(0, BLOCK_H)[:, None], tl.arange(0, BLOCK_W)[None, :]
    here, inside = a * WIDTH + b, (a < HEIGHT) & (b < WIDTH)
    a2 = a + tl.load(dys + y)
    if CIRCULAR:
        a2 %= HEIGHT
    # V [a, a'] and the transpose of H, [b', b]
    taps_a, taps_b = tl.arange(0, BLOCK_H)[None, :], tl.arange(0, BLOCK_W)[:, None]
    vertical += a * HEIGHT + taps_a
    horizontal += b * WIDTH + taps_b

    readout = tl.arange(0, BLOCK_R)
    sum_K, sum_T = tl.full([BLOCK_R], 0.0, tl.float32), tl.full([BLOCK_R], 0.0, tl.float32)
    for x in range(nx):
        b2 = b + tl.load(dxs + x)
        if CIRCULAR:
            b2 %= WIDTH
        else:
            inside = (a < HEIGHT) & (b < WIDTH) & (a2 >= 0) & (a2 < HEIGHT) & (b2 >= 0) & (b2 < WIDTH)
        there = a2 * WIDTH + b2
        K, T = tl.full([BLOCK_H, BLOCK_W], 0.0, tl.float32), tl.full([BLOCK_H, BLOCK_W], 0.0, tl.float32)
        for c in range(channels):
            value = tl.load(x1 + c * size + here, mask=inside, other=0.0)
            K += value * tl.load(x2 + c * size + there, mask=inside, other=0.0)
        K /= channels
        for layer in range(layers):
            V = tl.load(vertical + layer * HEIGHT * HEIGHT, mask=(a < HEIGHT) & (taps_a < HEIGHT), other=0.0)
            H = tl.load(horizontal + layer * WIDTH * WIDTH, mask=(taps_b < WIDTH) & (b < WIDTH), other=0.0)
            scale = tl.load(scales + layer)
            K = scale * _box_sum(K, V, H) + tl.load(shifts + layer)
            T = scale * _box_sum(T, V, H) + K
            product = tl.load(q1 + layer * size + here, mask=inside, other=0.0)
            product *= tl.load(q2 + layer * size + there, mask=inside, other=0.0)
            inverse = tl.rsqrt(tl.maximum(product, SMALLEST))
            value, slope = _arc_cosine(K * inverse)
            K = tl.where(inside, product * inverse * value, 0.0)
            T = tl.where(inside, T * slope, 0.0)
        for r in range(readouts):
            weight = tl.load(rows + (r * ny + y) * HEIGHT + a, mask=a < HEIGHT, other=0.0)
            weight = weight * tl.load(columns + (r * nx + x) * WIDTH + b, mask=b < WIDTH, other=0.0)
            sum_K += tl.where(readout == r, tl.sum(weight * K), 0.0)
            sum_T += tl.where(readout == r, tl.sum(weight * T), 0.0)
    sums += program.to(tl.int64) * 2 * readouts + readout
    tl.store(sums, sum_K, mask=readout < readouts)
    tl.store(sums + readouts, sum_T, mask=readout < readouts)


@triton.jit
def _box_sum(P, V, H):
    """V P Hᵀ, with the transpose of H given; float32 planes, V and H in the type that products are computed in."""
    first, second, third = _parts(P)
    P = tl.dot(first.to(H.dtype), H, tl.dot(second.to(H.dtype), H, tl.dot(third.to(H.dtype), H)))
    first, second, third = _parts(P)
    return tl.dot(V, first.to(V.dtype), tl.dot(V, second.to(V.dtype), tl.dot(V, third.to(V.dtype))))


@triton.jit
def _parts(P):
    """Three float32 planes that add up to P exactly, with 8 significant bits each: numbers of bfloat16."""
    first = _leading_bits(P)
    second = _leading_bits(P - first)
    return first, second, P - first - second


@triton.jit
def _leading_bits(P):
    """The sign, the exponent and the 8 leading bits of a float32, which bfloat16 keeps too."""
    return (P.to(tl.int32, bitcast=True) & -0x10000).to(tl.float32, bitcast=True)


@triton.jit
def _arc_cosine(c):
    """(sin θ + (π − θ) cos θ)/(2π) and (π − θ)/(2π) for cos θ = c; an angle below rounding is 0."""
    c = tl.minimum(tl.maximum(c, -1.0), 1.0)
    x = tl.abs(c)
    x = tl.where(x > ALMOST_ONE, 1.0, x)
    # θ = √(1 − c)·P(c) for c ≥ 0, error below 2·10⁻⁸ (Abramowitz & Stegun 1964, 4.4.46)
    P = 0.0308918810 + x * (-0.0170881256 + x * (0.0066700901 + x * -0.0012624911))
    P = 1.5707963050 + x * (-0.2145988016 + x * (0.0889789874 + x * (-0.0501743046 + x * P)))
    near = tl.sqrt(1.0 - x)
    rest = tl.where(c >= 0.0, PI - near * P, near * P) * HALF_OVER_PI
    return near * tl.sqrt(1.0 + x) * HALF_OVER_PI + rest * tl.where(c >= 0.0, x, -x), rest
