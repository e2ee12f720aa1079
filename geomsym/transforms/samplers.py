"""A random element of each symmetry group, for images of a shape (c, h, w).

Each sampler is a pure function of the shape and of a generator, and returns a float64 element on the CPU. The
groups act after Xiao & Pennington (2022, Synergy and Symmetry in Deep Learning, App. B.3), who have c = 3
channels; here O(3) and P(3) stand for O(c) and P(c).
"""

import torch
from torch import Generator

from geomsym.transforms.elements import (
    ChannelMatrix,
    CoordinatePermutation,
    DenseMatrix,
    Identity,
    PixelMatrices,
)
from geomsym.transforms.groups import ImageShape
from geomsym.transforms.haar import haar_orthogonal, uniform_permutations


def identity(shape: ImageShape, generator: Generator) -> Identity:
    """The element of the trivial group."""
    return Identity(shape)


def shared_rotation(shape: ImageShape, generator: Generator) -> ChannelMatrix:
    """An element of O(c) ⊗ I_d: one orthogonal matrix on the channels of all pixels."""
    return ChannelMatrix(shape, haar_orthogonal(shape[0], generator))


def pixel_rotation(shape: ImageShape, generator: Generator) -> PixelMatrices:
    """An element of O(c)^d: independent orthogonal matrices on the channels of each pixel."""
    c, h, w = shape
    return PixelMatrices(shape, haar_orthogonal(c, generator, batch=(h, w)))


def global_rotation(shape: ImageShape, generator: Generator) -> DenseMatrix:
    """An element of O(cd): one orthogonal matrix on all coordinates, c·h·w = cd of them."""
    c, h, w = shape
    return DenseMatrix(shape, haar_orthogonal(c * h * w, generator))


def shared_permutation(shape: ImageShape, generator: Generator) -> CoordinatePermutation:
    """An element of P(c) ⊗ I_d: one permutation of the channels, the same at all pixels."""
    coordinates = torch.arange(shape[0] * shape[1] * shape[2]).reshape(shape)
    permutation = uniform_permutations(shape[0], generator)
    return CoordinatePermutation(shape, coordinates[permutation].flatten())


def pixel_permutation(shape: ImageShape, generator: Generator) -> CoordinatePermutation:
    """An element of P(c)^d: independent permutations of the channels of each pixel."""
    c, h, w = shape
    coordinates = torch.arange(c * h * w).reshape(shape)
    permutations = uniform_permutations(c, generator, batch=(h, w)).permute(2, 0, 1)  # [c, h, w]
    return CoordinatePermutation(shape, coordinates.gather(0, permutations).flatten())


def global_permutation(shape: ImageShape, generator: Generator) -> CoordinatePermutation:
    """An element of P(cd): one permutation of all coordinates."""
    c, h, w = shape
    return CoordinatePermutation(shape, uniform_permutations(c * h * w, generator))
