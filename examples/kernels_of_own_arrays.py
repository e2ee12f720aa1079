"""NNGP and NTK of your own arrays, and kernel regression with them, in a few lines.

Run it: python examples/kernels_of_own_arrays.py
"""

import torch

from geomsym.architectures import specs
from geomsym.kernels import kernel_matrices

# Points on two noisy circles of radius 1 and 2; a vector of p coordinates is an image [p, 1, 1].
generator = torch.Generator().manual_seed(0)
angle = 2 * torch.pi * torch.rand(200, generator=generator, dtype=torch.float64)
radius = 1.0 + torch.arange(200) % 2 + 0.1 * torch.randn(200, generator=generator, dtype=torch.float64)
points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)[:, :, None, None]
signs = 2.0 * (torch.arange(200) % 2).double() - 1  # −1 on the inner circle, +1 on the outer one
train, test = slice(0, 100), slice(100, 200)

for activation in ("linear", "erf"):  # a linear network can't tell one circle from the other
    layers = specs("fcn", outputs=1, depth=2, activation=activation)
    square = kernel_matrices(layers, points[train])  # symmetric, [100, 100]
    cross = kernel_matrices(layers, points[test], points[train])  # [100, 100], a row for each test point
    for name in ("nngp", "ntk"):
        kernel = getattr(square, name)
        ridge = 1e-3 * kernel.diagonal().mean() * torch.eye(100, dtype=torch.float64)
        predicted = getattr(cross, name) @ torch.linalg.solve(kernel + ridge, signs[train])
        accuracy = (predicted.sign() == signs[test]).double().mean()
        print(f"{activation}, {name}: test accuracy {accuracy:.2f}")
