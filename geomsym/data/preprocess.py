"""Preprocessing fitted on the training images and applied to all: standardisation and ZCA whitening.

`fit` returns a frozen record that maps images [n, c, h, w] to images of the same shape and dtype. Statistics
are computed in float64 on the CPU, so that the same data come out whatever the device.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from geomsym.errors import ConfigError

CHUNK = 4096  # rows converted to float64 at a time, which bounds the extra memory
LARGEST_ZCA = 16_384  # coordinates; the covariance of more would take over 2 GiB
SAMPLE = 16_384  # values of a channel that are looked at for its spread
FLOAT32_ROUNDING = torch.finfo(torch.float32).eps


@dataclass(frozen=True)
class Unchanged:
    """No preprocessing."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return x itself."""
        return x


@dataclass(frozen=True)
class Standardization:
    """(x − mean)/deviation with one mean and one deviation per channel, each float64 [c, 1, 1]."""

    mean: Tensor
    deviation: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Standardise images [n, c, h, w]."""
        return _in_chunks(lambda rows: (rows - self.mean) / self.deviation, x)


@dataclass(frozen=True)
class Whitening:
    """W(x − mean) on flattened images; mean [d] and the symmetric W [d, d] are float64, d = c·h·w."""

    mean: Tensor
    matrix: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Whiten images [n, c, h, w]."""
        return _in_chunks(lambda rows: ((rows.flatten(1) - self.mean) @ self.matrix).reshape(rows.shape), x)


Preprocessing = Unchanged | Standardization | Whitening


def fit(name: str, x: Tensor, zca_regularization: float) -> Preprocessing:
    """Fit the preprocessing `name` (none, standardize, zca) on training images [n, c, h, w]."""
    if name == "standardize":
        return standardization(x)
    if name == "zca":
        return whitening(x, zca_regularization)
    return Unchanged()


def standardization(x: Tensor) -> Standardization:
    """Mean and standard deviation of each channel over images and positions (the biased estimate, 1/n).

    A channel that is constant in the training images, such as a corner pixel in a set of vectors, is centred
    and not scaled. Raises `ConfigError` where a few values are so large that they leave no difference between the
    rest.
    """
    statistics = [torch.var_mean(x[:, channel].double(), correction=0) for channel in range(x.shape[1])]
    variance, mean = (torch.stack(column) for column in zip(*statistics, strict=True))
    _check_spread(x, variance.sqrt())
    constant = variance.sqrt() <= FLOAT32_ROUNDING * mean.abs()
    deviation = torch.where(constant, 1.0, variance.sqrt())
    return Standardization(mean[:, None, None], deviation[:, None, None])


def _check_spread(x: Tensor, deviation: Tensor) -> None:
    """Refuse channels in which more than half of the values would become equal, since fill values set their scale.

    Half of a channel's values lie within the median distance from the median; where that is below the rounding of
    numbers as large as the deviation [c], standardised values of x's dtype don't tell them apart. From a sample.
    """
    stride = max(1, len(x) // SAMPLE)
    for channel, scale in enumerate(deviation.tolist()):
        values = x[::stride, channel].flatten()
        values = values[:: max(1, len(values) // SAMPLE)].double()
        typical = values.median()
        spread = (values - typical).abs().median().item()
        if 0 < spread < torch.finfo(x.dtype).eps * scale:
            largest = x[:, channel].abs().max().item()
            found = f"channel {channel} has values as large as {largest:.3g}, and half of them within {spread:.3g}"
            reason = f"{found} of {typical:.3g}, which become equal: replace fill values for missing data, or give none"
            raise ConfigError("data.preprocess", "standardize", reason)


def whitening(x: Tensor, regularization: float) -> Whitening:
    """ZCA (Bell & Sejnowski 1997), regularised: W = U diag((λ + ε·λ̄)^(−1/2)) Uᵀ.

    λ and U are the eigenvalues and eigenvectors of the covariance (1/n) Σ (x − mean)(x − mean)ᵀ, λ̄ the mean
    eigenvalue and ε the regularization. Whitened training images have the covariance U diag(λ/(λ + ε·λ̄)) Uᵀ.
    """
    mean, covariance = _moments(x)
    eigenvalues, U = torch.linalg.eigh(covariance)
    average = eigenvalues.mean()
    if average <= 0:
        raise ConfigError("data.preprocess", "zca", "the training images are all equal: give more, or preprocess=none")
    scale = (eigenvalues.clamp(min=0) + regularization * average).rsqrt()
    return Whitening(mean, (U * scale) @ U.T)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [d] and covariance [d, d] of flattened images, float64."""
    rows = x.flatten(1)
    n, d = rows.shape
    if d > LARGEST_ZCA:
        reason = f"whitening {d} coordinates takes a {d}×{d} matrix: give standardize or a smaller image_size"
        raise ConfigError("data.preprocess", "zca", reason)
    mean = sum((chunk.double().sum(0) for chunk in rows.split(CHUNK)), torch.zeros(d, dtype=torch.float64)) / n
    covariance = torch.zeros(d, d, dtype=torch.float64)
    for chunk in rows.split(CHUNK):
        centred = chunk.double() - mean
        covariance.addmm_(centred.T, centred, alpha=1 / n)
    return mean, covariance


def _in_chunks(function, x: Tensor) -> Tensor:
    """Apply a function of float64 rows to x a chunk at a time; the result has x's dtype."""
    out = torch.empty_like(x)
    for begin in range(0, len(x), CHUNK):
        out[begin : begin + CHUNK] = function(x[begin : begin + CHUNK].double())
    return out
