"""The fast path on CPUs: convolutional ReLU networks with 3×3 circular filters, compiled by numba.

K of convolutions is held in float64 and Θ in float32. The slope of the activation has a square root at an angle of 0: a
rounding error ε of the cosine becomes √ε of Θ, 6e-4 in float32 for images that differ by a thousandth. Polynomials of
1 − |cos θ|, and all that follows from them, are float32 again. Fully connected networks are float64 throughout.

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

# With y = 1 − cos θ, for 0 ≤ y ≤ 1: θ = √y·P(y) and sin θ − θ cos θ = y√y·Q(y), least maximum errors 3·10⁻⁸ and 2·10⁻⁹
P0, P1, P2, P3 = (np.float32(p) for p in (1.41421354641, 0.1178531667, 0.0264744825006, 0.00821673096268))
P4, P5, P6, P7 = (np.float32(p) for p in (0.00147885982309, 0.00333841701119, -0.00199064296033, 0.00121173776983))
Q0, Q1, Q2, Q3 = (np.float32(q) for q in (0.942809040238, 0.0471406236171, 0.00757259936615, 0.00178122237742))
Q4, Q5, Q6, Q7 = (np.float32(q) for q in (0.00038571817423, 0.000353275495516, -0.000154666286119, 0.000112184752376))
PARALLEL = 2.0**-48  # the 1 − |cos θ| up to which vectors count as parallel, as in `geomsym.kernels.dual`
ZERO, HALF, HALF_OVER_PI = np.float32(0), np.float32(0.5), np.float32(0.5 / pi)


@njit(inline="always", **FAST)
def _arc_cosine(c):
    """(sin θ + (π − θ) cos θ)/(2π), float64, and (π − θ)/(2π), float32, for cos θ = c."""
    gap = 1.0 - abs(c)
    y = np.float32(gap if gap > PARALLEL else 0.0)
    root = np.sqrt(y)
    P = P0 + y * (P1 + y * (P2 + y * (P3 + y * (P4 + y * (P5 + y * (P6 + y * P7))))))
    Q = Q0 + y * (Q1 + y * (Q2 + y * (Q3 + y * (Q4 + y * (Q5 + y * (Q6 + y * Q7))))))
    part = root * P * HALF_OVER_PI
    return 0.5 * max(c, 0.0) + np.float64(y * root * Q * HALF_OVER_PI), HALF - part if c >= 0.0 else part


@njit(**FAST)
def _relu(K, T, F, m, width, inverse, root, inverse2, root2, offset):
    """The nonlinearity on one row; `offset` is where x' begins for b = 0."""
    for b in range(width):
        start, start2, inverse1, root1 = (b + 1) * F, offset + b * m, inverse[b], root[b]
        for i in range(F):
            value, slope = _arc_cosine(K[start + i] * (inverse1 * inverse2[start2 + i]))
            K[start + i] = root1 * root2[start2 + i] * value
            T[start + i] *= slope


@njit(inline="always", **FAST)
def _exact_arc_cosine(c):
    """(sin θ + (π − θ) cos θ)/(2π) and (π − θ)/(2π) for cos θ = c, to float64's precision."""
    gap = 1.0 - abs(c)
    gap = gap if gap > PARALLEL else 0.0
    t = 2.0 * np.arcsin(np.sqrt(0.5 * gap))
    t2 = t * t
    g = np.sqrt(gap * (2.0 - gap)) - t * (1.0 - gap)
    if t < 0.3:  # the difference has lost digits: sin t − t cos t as a series
        g = t * t2 * (1 / 3 - t2 * (1 / 30 - t2 * (1 / 840 - t2 * (1 / 45360 - t2 / 3991680))))
    part = t / (2 * pi)
    return 0.5 * max(c, 0.0) + g / (2 * pi), 0.5 - part if c >= 0.0 else part


@njit(parallel=True, **FAST)
def dense_layers(K, T, scales, shifts, inverse, root, inverse2, root2):
    """Dense ReLU layers on K and T [n1, n2], in place, float64; inverse, root [L, n1], inverse2, root2 [L, n2]."""
    for n in prange(K.shape[0]):
        for layer in range(len(scales)):
            scale, shift, inverse1, root1 = scales[layer], shifts[layer], inverse[layer, n], root[layer, n]
            for j in range(K.shape[1]):
                k = scale * K[n, j] + shift
                value, slope = _exact_arc_cosine(k * (inverse1 * inverse2[layer, j]))
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
        out[F + i] = scale * (above[i] + here[i] + below[i]) + np.float32(other[F + i])


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
                K[a, (b + 1) * F + i] = 0.0
                T[a, (b + 1) * F + i] = ZERO
            for c in range(channels):
                value = np.float64(x[c, a, b]) / channels
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
            _vertical_plus(HT[above], HT[a], HT[below], T[a], K[a], F, width * F, np.float32(scales[layer]))
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
        K, T = np.empty((height, (width + 2) * F), np.float64), np.empty((height, (width + 2) * F), np.float32)
        HK, HT = np.empty((height, width * F), np.float64), np.empty((height, width * F), np.float32)
        for k in range(len(dys)):
            _unit(x[n], x2, first, dys[k], ndx, scales, shifts, inverse[n], root[n], inverse2, root2, K, T, HK, HT)
            for r in range(len(rows)):
                for a in range(height):
                    if rows[r, k, a] != 0.0:
                        _gather(K, a, rows[r, k, a], columns[r], ndx, m, out_K[r, n])
                        _gather(T, a, rows[r, k, a], columns[r], ndx, m, out_T[r, n])
