"""Layers in the NTK parameterisation: parameters have variance one, and the forward pass multiplies by the scales.

Inputs are batched, [b, c, h, w] or [b, m]. All layers are differentiable in forward and reverse mode (torch.func).
"""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomsym.architectures.activations import ACTIVATIONS
from geomsym.architectures.layer_specs import Activation as ActivationSpec
from geomsym.architectures.layer_specs import Conv as ConvSpec
from geomsym.architectures.layer_specs import Dense as DenseSpec
from geomsym.architectures.layer_specs import LocallyConnected as LocallyConnectedSpec


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

    One batched matrix product over positions, with the k² neighbours of every position side by side. Parameters take
    h·w·n·c·k² numbers, h·w times as many as a convolution's. The neighbourhoods take b·h·w·c·k² numbers, that is, k²
    times the input, and are kept for the backward pass.
    """

    def __init__(self, spec: LocallyConnectedSpec, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.scale, self.bias_scale = sqrt(spec.w_variance / weight[0, 0, 0].numel()), sqrt(spec.b_variance)
        self.kernel_size, self.padding = spec.kernel_size, spec.padding

    def forward(self, x: Tensor) -> Tensor:
        """[b, c, h, w] -> [b, n, h, w]."""
        height, width, channels = self.bias.shape
        weight = self.weight.permute(0, 1, 2, 4, 5, 3).reshape(height * width, channels, -1)  # [h·w, n, k²·c]
        bias = self.bias.reshape(height * width, 1, channels)
        out = torch.baddbmm(bias, self.neighbourhoods(x), weight.mT, beta=self.bias_scale, alpha=self.scale)
        return out.reshape(height, width, -1, channels).permute(2, 3, 0, 1)

    def neighbourhoods(self, x: Tensor) -> Tensor:
        """[b, c, h, w] -> [h·w, b, k²·c]; with channels innermost it is copies of contiguous rows."""
        height, width, k = x.shape[2], x.shape[3], self.kernel_size
        padded = pad(x, k // 2, self.padding).permute(2, 3, 0, 1)
        shifted = [padded[i : i + height, j : j + width] for i in range(k) for j in range(k)]
        return torch.cat(shifted, dim=-1).flatten(0, 1)


def pad(x: Tensor, reach: int, padding: str) -> Tensor:
    """Extend [b, c, h, w] by `reach` on every side, wrapped around («circular») or with zeros («zero»)."""
    if reach == 0:
        return x
    if padding == "zero":
        return F.pad(x, (reach,) * 4)
    x = torch.cat([x[..., -reach:], x, x[..., :reach]], dim=-1)  # forward and back faster than F.pad's circular mode
    return torch.cat([x[..., -reach:, :], x, x[..., :reach, :]], dim=-2)


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
