"""The fast path on CPUs: convolutional ReLU networks with 3×3 circular filters, in float32, compiled by numba.

One image x against a block of m images x' at one vertical displacement dy is a unit of work. Its state is K and Θ at
(α, α + δ) for all positions α = (a, b), all horizontal displacements dx and all images of the block:

    state[a, (b + 1)·F + (dx·m + j)],    F = (number of dx)·m,

a row of the image at a time, displacements and images of the block being the fastest axis. A horizontal tap is then a
shift by F, with one position of padding at either end, and a vertical tap another row; x' is stored as
[c, h, 3·w, m], three periods wide, so that all dx and j of one (a, b) are one contiguous slice. No inner loop has an
edge case, and all of them vectorise.
"""

from math import pi
from pathlib import Path

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from geomsym.user_folders import provide_numba

Array = NDArray[np.float32]
FAST = {"fastmath": True, "cache": provide_numba(Path(__file__).parent), "error_model": "numpy"}

# θ = √(1 − c)·P(c) for c ≥ 0, error below 2·10⁻⁸ (Abramowitz & Stegun 1964, 4.4.46)
A0, A1, A2, A3 = (np.float32(a) for a in (1.5707963050, -0.2145988016, 0.0889789874, -0.0501743046))
A4, A5, A6, A7 = (np.float32(a) for a in (0.0308918810, -0.0170881256, 0.0066700901, -0.0012624911))
ALMOST_ONE = np.float32(1 - 5e-7)  # cosines above are 1 up to rounding
ZERO, ONE, PI, HALF_OVER_PI = np.float32(0), np.float32(1), np.float32(pi), np.float32(0.5 / pi)


@njit(inline="always", **FAST)
def _arc_cosine(c):
    """(sin θ + (π − θ) cos θ)/(2π) and (π − θ)/(2π) for cos θ = c; an angle below rounding is 0."""
    c = min(max(c, -ONE), ONE)
    x = abs(c)
    x = ONE if x > ALMOST_ONE else x
    P = A0 + x * (A1 + x * (A2 + x * (A3 + x * (A4 + x * (A5 + x * (A6 + x * A7))))))
    near = np.sqrt(ONE - x)
    theta = near * P if c >= ZERO else PI - near * P
    rest = (PI - theta) * HALF_OVER_PI
    return near * np.sqrt(ONE + x) * HALF_OVER_PI + rest * (x if c >= ZERO else -x), rest


@njit(**FAST)
def _relu(K, T, F, m, width, inverse, root, inverse2, root2, offset):
    """The nonlinearity on one row; `offset` is where x' begins for b = 0."""
    for b in range(width):
        start, start2, inverse1, root1 = (b + 1) * F, offset + b * m, inverse[b], root[b]
        for i in range(F):
            value, slope = _arc_cosine(K[start + i] * (inverse1 * inverse2[start2 + i]))
            K[start + i] = root1 * root2[start2 + i] * value
            T[start + i] *= slope


@njit(parallel=True, **FAST)
def dense_layers(K, T, scales, shifts, inverse, root, inverse2, root2):
    """Fully connected ReLU layers on K and T [n1, n2], in place; inverse, root [L, n1], inverse2, root2 [L, n2]."""
    for n in prange(K.shape[0]):
        for layer in range(len(scales)):
            scale, shift, inverse1, root1 = scales[layer], shifts[layer], inverse[layer, n], root[layer, n]
            for j in range(K.shape[1]):
                k = scale * K[n, j] + shift
                value, slope = _arc_cosine(k * (inverse1 * inverse2[layer, j]))
                K[n, j] = root1 * root2[layer, j] * value
                T[n, j] = (k + scale * T[n, j]) * slope


@njit(**FAST)
def _horizontal(S, H, F, width):
    """H = sum of three horizontal taps of a row; S [(width + 2)·F] gets its padding first."""
    for i in range(F):
        S[i] = S[width * F + i]
        S[(width + 1) * F + i] = S[F + i]
    for i in range(width * F):
        H[i] = S[i] + S[F + i] + S[2 * F + i]


@njit(**FAST)
def _vertical(above, here, below, out, F, length, scale, shift):
    """One row of scale·(sum of three rows) + shift, into the padded row `out`."""
    for i in range(length):
        out[F + i] = scale * (above[i] + here[i] + below[i]) + shift


@njit(**FAST)
def _vertical_plus(above, here, below, out, other, F, length, scale):
    """One row of scale·(sum of three rows) + other, into the padded row `out`."""
    for i in range(length):
        out[F + i] = scale * (above[i] + here[i] + below[i]) + other[F + i]


@njit(**FAST)
def _unit(x, x2, first, dy, ndx, scales, shifts, inverse, root, inverse2, root2, K, T, HK, HT):
    """Run all layers for one image x [c, h, w] against a block x2 [c, h, 3w, m] at one dy; leaves K and T.

    `first` is the smallest dx; inverse and root [L, h, w] are 1/√q and √q of x, inverse2 and root2 [L, h, 3w·m] of x2.
    """
    channels, height, width = x.shape
    m = x2.shape[3]
    F = ndx * m
    for a in range(height):
        a2 = (a + dy) % height
        for b in range(width):
            for i in range(F):
                K[a, (b + 1) * F + i] = ZERO
                T[a, (b + 1) * F + i] = ZERO
            for c in range(channels):
                value = x[c, a, b] / np.float32(channels)
                row = x2[c, a2].reshape(-1)
                start2 = (width + b + first) * m
                for i in range(F):
                    K[a, (b + 1) * F + i] += value * row[start2 + i]
    for layer in range(len(scales)):
        for a in range(height):
            _horizontal(K[a], HK[a], F, width)
            _horizontal(T[a], HT[a], F, width)
        for a in range(height):
            above, below, a2 = (a - 1) % height, (a + 1) % height, (a + dy) % height
            _vertical(HK[above], HK[a], HK[below], K[a], F, width * F, scales[layer], shifts[layer])
            _vertical_plus(HT[above], HT[a], HT[below], T[a], K[a], F, width * F, scales[layer])
            _relu(
                K[a], T[a], F, m, width, inverse[layer, a], root[layer, a],
                inverse2[layer, a2], root2[layer, a2], (width + first) * m,
            )  # fmt: skip


@njit(**FAST)
def _gather(K, a, row, columns, ndx, m, out):
    """Add the weighted sum over b and dx of one row to out [m], in float64; columns [w, ndx]."""
    F = ndx * m
    for b in range(columns.shape[0]):
        for d in range(ndx):
            weight = row * columns[b, d]
            if weight != 0.0:
                for j in range(m):
                    out[j] += weight * K[a, (b + 1) * F + d * m + j]


@njit(parallel=True, **FAST)
def all_units(
    x, x2, first, dys, rows, columns, scales, shifts, inverse, root, inverse2, root2, out_K, out_T
):  # fmt: skip
    """Every image of x [n1, c, h, w] against the block x2, summed over displacements into out_K, out_T [R, n1, m].

    dys [ny] are the vertical displacements; rows [R, ny, h] and columns [R, w, ndx] the weights of R readouts. A thread
    works on one image at a time, with a state of its own.
    """
    n1, _, height, width = x.shape
    ndx, m = columns.shape[2], x2.shape[3]
    F = ndx * m
    for n in prange(n1):
        K, T = np.empty((height, (width + 2) * F), np.float32), np.empty((height, (width + 2) * F), np.float32)
        HK, HT = np.empty((height, width * F), np.float32), np.empty((height, width * F), np.float32)
        for k in range(len(dys)):
            _unit(x[n], x2, first, dys[k], ndx, scales, shifts, inverse[n], root[n], inverse2, root2, K, T, HK, HT)
            for r in range(len(rows)):
                for a in range(height):
                    if rows[r, k, a] != 0.0:
                        _gather(K, a, rows[r, k, a], columns[r], ndx, m, out_K[r, n])
                        _gather(T, a, rows[r, k, a], columns[r], ndx, m, out_T[r, n])
