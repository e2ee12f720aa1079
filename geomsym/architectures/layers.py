"""Layers in the NTK parameterisation: parameters have variance one, the scales stand in the forward pass.

Inputs are batched, [b, c, h, w] or [b, m]. All of it is differentiable forward and backward (torch.func).
"""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomsym.architectures.activations import ACTIVATIONS
from geomsym.architectures.specs import Activation as ActivationSpec
from geomsym.architectures.specs import Conv as ConvSpec
from geomsym.architectures.specs import Dense as DenseSpec
from geomsym.architectures.specs import LocallyConnected as LocallyConnectedSpec


class Dense(nn.Module):
    """σ_w/√m · W x + σ_b · b with W [n, m] and b [n]."""

    def __init__(self, spec: DenseSpec, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.scale, self.bias_scale = sqrt(spec.w_variance / weight.shape[1]), sqrt(spec.b_variance)

    def forward(self, x: Tensor) -> Tensor:
        """[b, m] -> [b, n]."""
        return torch.addmm(self.bias, x, self.weight.mT, beta=self.bias_scale, alpha=self.scale)


class Conv(nn.Module):
    """σ_w/√(c·k²) · W∗x + σ_b · b with W [n, c, k, k] and b [n]; stride 1, circular or zero padding."""

    def __init__(self, spec: ConvSpec, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.scale, self.bias_scale = sqrt(spec.w_variance / weight[0].numel()), sqrt(spec.b_variance)
        self.reach, self.padding = spec.kernel_size // 2, spec.padding

    def forward(self, x: Tensor) -> Tensor:
        """[b, c, h, w] -> [b, n, h, w]."""
        padded = pad(x, self.reach, self.padding)
        return F.conv2d(padded, self.scale * self.weight, self.bias_scale * self.bias)


class LocallyConnected(nn.Module):
    """A convolution with a filter of its own at every position: W [h, w, n, c, k, k] and b [h, w, n].

    One batched matrix product over the positions of the unfolded input. Parameters take h·w·n·c·k² numbers
    and the unfolded input b·h·w·c·k², which is kept for the backward pass: k² = 9 times what a convolution
    keeps, and parameters h·w times as many.
    """

    def __init__(self, spec: LocallyConnectedSpec, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.scale, self.bias_scale = sqrt(spec.w_variance / weight[0, 0, 0].numel()), sqrt(spec.b_variance)
        self.kernel_size, self.padding = spec.kernel_size, spec.padding

    def forward(self, x: Tensor) -> Tensor:
        """[b, c, h, w] -> [b, n, h, w]."""
        height, width, channels = self.bias.shape
        patches = F.unfold(pad(x, self.kernel_size // 2, self.padding), self.kernel_size)  # [b, c·k², h·w]
        weight = self.weight.reshape(height * width, channels, -1)
        bias = self.bias.reshape(height * width, 1, channels)
        out = torch.baddbmm(bias, patches.permute(2, 0, 1), weight.mT, beta=self.bias_scale, alpha=self.scale)
        return out.permute(1, 2, 0).reshape(-1, channels, height, width)


def pad(x: Tensor, reach: int, padding: str) -> Tensor:
    """Extend [b, c, h, w] by `reach` on every side, wrapped around («circular») or with zeros («zero»)."""
    if reach == 0:
        return x
    return F.pad(x, (reach,) * 4, mode="circular" if padding == "circular" else "constant")


class Activation(nn.Module):
    """The elementwise φ, any shape."""

    def __init__(self, spec: ActivationSpec):
        super().__init__()
        self.function = ACTIVATIONS[spec.name]

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return self.function(x)


class GlobalAveragePool(nn.Module):
    """The mean over positions."""

    def forward(self, x: Tensor) -> Tensor:
        """[b, c, h, w] -> [b, c]."""
        return x.mean(dim=(2, 3))
