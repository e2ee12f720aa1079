"""The metric that a feature map pulls back to its inputs."""

import torch
from torch import Tensor

from geomsym.errors import look_up
from geomsym.geometry.jacobian import MEMORY, FeatureMap, jacobian_blocks

NORMALIZATIONS = {"features": True, "none": False}
"""Whether JᵀJ is divided by the number n of features."""


def metric(feature_map: FeatureMap, x: Tensor, *, normalization: str = "features", memory: float = MEMORY) -> Tensor:
    """G = JᵀJ/n [p, d, d] at points x [p, d], which has a limit at infinite width; JᵀJ with normalization «none».

    Raises what `geomsym.geometry.jacobian.jacobian_blocks` raises, and `ConfigError` for an unknown normalization.

    >>> polar = lambda p: torch.stack([p[0] * p[1].cos(), p[0] * p[1].sin()])  # (r, φ) to the plane: dr² + r² dφ²
    >>> metric(polar, torch.tensor([[2.0, 0.0]], dtype=torch.float64), normalization="none").tolist()
    [[[1.0, 0.0], [0.0, 4.0]]]
    """
    scaled = (J / root_scale(J.shape[1], normalization) for J in jacobian_blocks(feature_map, x, memory))
    return torch.cat([J.mT @ J for J in scaled])


def root_scale(features: int, normalization: str) -> float:
    """The divisor of J: √n for «features», 1 for «none»."""
    return features**0.5 if look_up("geometry.normalization", normalization, NORMALIZATIONS) else 1.0
