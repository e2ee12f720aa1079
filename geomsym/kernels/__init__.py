"""The infinite-width reading of layer specs: NNGP and neural tangent kernels."""

from geomsym.kernels.matrices import KernelMatrices, Kernels, kernel_matrices

__all__ = ["KernelMatrices", "Kernels", "kernel_matrices"]
