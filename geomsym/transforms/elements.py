"""The orthogonal maps of images that the symmetry groups are made of.

Every kind of map is a frozen record of the few numbers that define it. It acts on images [..., c, h, w], with
any number of leading axes, by one tensor operation on the images' device. All are linear, so `torch.autograd`
and `torch.func` differentiate through them.

Layout. An image x[c, h, w] is also the vector of its D = c·h·w coordinates in that (row-major) order, which
is the order of `CoordinatePermutation.index` and of both axes of `DenseMatrix.matrix`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from geomsym.errors import ConfigError
from geomsym.transforms.groups import ImageShape


@dataclass(frozen=True, eq=False)
class Transform(ABC):
    """An orthogonal map τ of images of one `shape` (c, h, w).

    Raises a `ConfigError` when it is applied to images of another shape.
    """

    shape: ImageShape

    def __call__(self, images: Tensor) -> Tensor:
        """The images τx [..., c, h, w], in the images' dtype, which has to be the transform's."""
        if tuple(images.shape[-3:]) != self.shape:
            expected = ", ".join(str(size) for size in self.shape)
            remedy = f"this transform acts on images [n, {expected}]; sample one with the shape of these images"
            raise ConfigError("images.shape", list(images.shape), remedy)
        return self.act(images)

    @abstractmethod
    def act(self, images: Tensor) -> Tensor:
        """The images τx [..., c, h, w], shapes unchecked."""

    @property
    @abstractmethod
    def adjoint(self) -> Self:
        """The map τ* with ⟨τx, y⟩ = ⟨x, τ*y⟩ for all images x, y."""

    @property
    def inverse(self) -> Self:
        """The map τ⁻¹, which is the adjoint: all groups here are subgroups of O(chw), where τ*τ = 1."""
        return self.adjoint

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Self:
        """The same map in another dtype, on another device; indices stay integers."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        moved = {
            name: value.to(device=device, dtype=dtype if value.is_floating_point() else None)
            for name, value in tensors.items()
        }
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class Identity(Transform):
    """τx = x."""

    def act(self, images: Tensor) -> Tensor:
        """The images themselves."""
        return images

    @property
    def adjoint(self) -> Self:
        """The identity is its own adjoint."""
        return self


@dataclass(frozen=True, eq=False)
class CoordinatePermutation(Transform):
    """(τx)_k = x_index[k], where `index` [D] is a permutation of the D = c·h·w coordinates."""

    index: Tensor

    def act(self, images: Tensor) -> Tensor:
        """The permuted images [..., c, h, w]."""
        return images.flatten(-3)[..., self.index].reshape(images.shape)

    @property
    def adjoint(self) -> Self:
        """The inverse permutation: a permutation matrix is orthogonal."""
        return replace(self, index=torch.argsort(self.index))


@dataclass(frozen=True, eq=False)
class MatrixTransform(Transform):
    """A map given by orthogonal matrices, `matrix` [..., n, n]; its kinds say which axes they act on."""

    matrix: Tensor

    @property
    def adjoint(self) -> Self:
        """The map of the transposed matrices."""
        return replace(self, matrix=self.matrix.mT)


@dataclass(frozen=True, eq=False)
class ChannelMatrix(MatrixTransform):
    """(τx)_ihw = Σ_j Q_ij x_jhw with one `matrix` Q [c, c] for all pixels: Q ⊗ I_d, d = h·w."""

    def act(self, images: Tensor) -> Tensor:
        """The images [..., c, h, w] with the channels of every pixel mixed alike."""
        return torch.einsum("ij,...jhw->...ihw", self.matrix, images)


@dataclass(frozen=True, eq=False)
class PixelMatrices(MatrixTransform):
    """(τx)_ihw = Σ_j Q_hwij x_jhw with one block of `matrix` Q [h, w, c, c] for each pixel."""

    def act(self, images: Tensor) -> Tensor:
        """The images [..., c, h, w] with the channels of each pixel mixed by its own matrix."""
        return torch.einsum("hwij,...jhw->...ihw", self.matrix, images)


@dataclass(frozen=True, eq=False)
class DenseMatrix(MatrixTransform):
    """(τx)_k = Σ_l Q_kl x_l with one `matrix` Q [D, D] on all D = c·h·w coordinates."""

    def act(self, images: Tensor) -> Tensor:
        """The images [..., c, h, w] with all their coordinates mixed."""
        mixed = torch.einsum("kl,...l->...k", self.matrix, images.flatten(-3))
        return mixed.reshape(images.shape)
