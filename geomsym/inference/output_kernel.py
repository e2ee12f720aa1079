"""The empirical tangent kernel of one output of a finite network, averaged over its outputs, as a matrix.

For a network f(x; θ) with K outputs and inputs x_1 … x_N,

    Θ̄(x, x') = 1/K · Σ_k ∂f_k(x)/∂θ · ∂f_k(x')/∂θ    [N, N]

the trace over outputs that Neural Tangents' Monte-Carlo kernels take. It is a sum over layers: z = s·W h + σ_b·b has
∂f_k/∂W = s·δ_k hᵀ and ∂f_k/∂b = σ_b·δ_k with δ_k = ∂f_k/∂z, summed over positions where weights are shared. From h
and δ a layer's part costs far less than by rows of the Jacobian: no gradient of an unshared weight is ever formed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from geomsym.architectures.layers import Conv, Dense, LocallyConnected, pad

MEMORY = 2**25
"""Bytes that the derivatives of some outputs, or what one layer makes of them, may take at a time."""

ReportOutputs = Callable[[int, int], None]
"""Called with (outputs done, outputs in all)."""


@dataclass(frozen=True)
class _Recorded:
    """One pass of a layer with weights: its inputs h and pre-activations z, each [N, …]."""

    layer: nn.Module
    h: Tensor
    z: Tensor


def mean_output_kernel(model: nn.Module, x: Tensor, report: ReportOutputs = lambda done, total: None) -> Tensor:
    """Θ̄ [N, N] for inputs x [N, …], by one backward pass through the pre-activations for each output.

    Takes about three times the memory of all pre-activations of the N inputs.
    Raises `TypeError` for layers with weights that aren't in `layer_kernel`'s registry.
    """
    outputs, recorded = _recorded(model, x)
    classes = outputs.shape[1]
    report(0, classes)
    size = sum(record.z.numel() * record.z.element_size() for record in recorded)
    at_once = max(1, min(classes, MEMORY // size))
    Theta = x.new_zeros(len(x), len(x))
    for first in range(0, classes, at_once):
        block = range(first, min(first + at_once, classes))
        for record, delta in zip(recorded, _derivatives(outputs, recorded, block), strict=True):
            Theta += layer_kernel(record.layer, record.h, delta)
        report(block.stop, classes)
    return Theta / classes


def _recorded(model: nn.Module, x: Tensor) -> tuple[Tensor, list[_Recorded]]:
    """The outputs [N, K], and what every layer with weights did; weights themselves get no gradient."""
    recorded = []

    def record(layer: nn.Module, inputs: tuple[Tensor], z: Tensor) -> None:
        if not z.requires_grad:  # the first layer: what comes before it depends on no weights
            z.requires_grad_()
        recorded.append(_Recorded(layer, inputs[0].detach(), z))

    weighted = [module for module in model.modules() if any(True for _ in module.parameters(recurse=False))]
    hooks = [module.register_forward_hook(record) for module in weighted]
    try:
        values = {name: value.detach() for name, value in model.named_parameters()}
        return functional_call(model, values, (x,)), recorded
    finally:
        for hook in hooks:
            hook.remove()


def _derivatives(outputs: Tensor, recorded: list[_Recorded], block: range) -> list[Tensor]:
    """δ of every layer for some outputs, [N, outputs, *z.shape[1:]]."""
    z = [record.z for record in recorded]
    each = [torch.autograd.grad(outputs[:, k].sum(), z, retain_graph=True) for k in block]
    return [torch.stack(deltas, dim=1) for deltas in zip(*each, strict=True)]


@singledispatch
def layer_kernel(layer: nn.Module, h: Tensor, delta: Tensor) -> Tensor:
    """The part [N, N] of one layer's weights in Σ_k ∂f_k/∂θ · ∂f_k/∂θ', from its inputs h [N, …] and δ [N, K, …]."""
    raise TypeError(f"no tangent kernel is registered for layers of type {type(layer).__name__}")


@layer_kernel.register
def _(layer: Dense, h: Tensor, delta: Tensor) -> Tensor:
    delta = delta.flatten(1)
    return (delta @ delta.mT) * (layer.scale**2 * (h @ h.mT) + layer.bias_scale**2)


@layer_kernel.register
def _(layer: LocallyConnected, h: Tensor, delta: Tensor) -> Tensor:
    patches, delta = layer.neighbourhoods(h), delta.flatten(3).flatten(1, 2).permute(2, 0, 1)  # [h·w, N, …]
    Theta = h.new_zeros(len(h), len(h))
    positions = max(1, MEMORY // (2 * Theta.numel() * h.element_size()))
    for p, d in zip(patches.split(positions), delta.split(positions), strict=True):
        Theta += ((d @ d.mT) * (layer.scale**2 * (p @ p.mT) + layer.bias_scale**2)).sum(0)
    return Theta


@layer_kernel.register
def _(layer: Conv, h: Tensor, delta: Tensor) -> Tensor:
    size, delta = 2 * layer.reach + 1, delta.flatten(3).flatten(1, 2)  # [N, K·n, h·w]
    G = h.new_empty(len(h), delta.shape[1], h.shape[1] * size**2)  # ∂f_k/∂W of every input, without its scale
    at_once = max(1, MEMORY // (h[0].numel() * size**2 * h.element_size()))
    for inputs, d, out in zip(h.split(at_once), delta.split(at_once), G.split(at_once), strict=True):
        torch.bmm(d, F.unfold(pad(inputs, layer.reach, layer.padding), size).mT, out=out)
    G, b = G.flatten(1), delta.sum(2)
    return layer.scale**2 * (G @ G.mT) + layer.bias_scale**2 * (b @ b.mT)
