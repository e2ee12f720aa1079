"""Theorem 3.1 of Xiao & Pennington (2022, §3, proof in App. C) as code: smaller families inside larger ones, exactly.

    GAP_n ⊆ VEC_n ⊆ LCN_n ⊆ VEC_{d·n},   LCN_n ⊆ FCN_{d·n},   LAP_n ⊆ VEC_n,        d = h·w positions.

Every `a_in_b` takes a network of the smaller family, as `build(specs, input_shape)` makes it, and returns one of the
larger family that computes the same function. The two networks have different factors 1/√fan_in. The formulas below
are for weights that include this factor; the code rescales the new parameters accordingly. Letters: α, β, γ are
positions, row by row; t the k² taps of a centred filter, which wraps around the image; i a unit of a layer and j one
of the layer below; o an output; R the readout. Biases are copied along with their units.

`geomsym.theory.laws` lists them all, each with a law that the smaller family obeys and the larger does not.
"""

from dataclasses import asdict, dataclass, replace
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geomsym.architectures import layers
from geomsym.architectures.build import build
from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LocallyConnected,
    Shape,
    Specs,
)
from geomsym.errors import ConfigError
from geomsym.seeds import torch_generator

WeightedLayer = layers.Dense | layers.Conv | layers.LocallyConnected
Parameters = list[tuple[Tensor, Tensor]]  # weights / √fan_in and biases, layer by layer

BODY_AND_HEAD: dict[str, tuple[type, tuple[type, ...]]] = {
    "gap": (Conv, (GlobalAveragePool, Dense)),
    "lap": (Conv, (AveragePool, Flatten, Dense)),
    "vec": (Conv, (Flatten, Dense)),
    "lcn": (LocallyConnected, (Flatten, Dense)),
}


@dataclass(frozen=True)
class Embedding:
    """A member of the larger family: its layer specs and the network."""

    specs: Specs
    network: nn.Sequential


def gap_in_vec(network: nn.Sequential, specs: Specs, input_shape: Shape) -> Embedding:
    """VEC_n with GAP's filters and its readout repeated over positions, R'[o, (i, α)] = R[o, i] / d.

    `input_shape` is [c, h, w]. Raises `ConfigError` unless `network` is a GAP of these specs with circular padding. The
    other embeddings do the same for their own families.
    """
    *body, readout = _parameters("gap", network, specs, input_shape)
    return _embedding(_vec_specs(specs), input_shape, [*body, _spread(readout, input_shape, input_shape[1:])])


def lap_in_vec(network: nn.Sequential, specs: Specs, input_shape: Shape) -> Embedding:
    """VEC_n with LAP's filters and its readout repeated over windows, R'[o, (i, α)] = R[o, (i, window of α)] / s²."""
    *body, readout = _parameters("lap", network, specs, input_shape)
    return _embedding(_vec_specs(specs), input_shape, [*body, _spread(readout, input_shape, (window(specs),) * 2)])


def vec_in_lcn(network: nn.Sequential, specs: Specs, input_shape: Shape) -> Embedding:
    """LCN_n with VEC's filters at every position, W'[α, i, j, t] = W[i, j, t], and the same readout."""
    *body, readout = _parameters("vec", network, specs, input_shape)
    positions = input_shape[1:]
    repeated = [(weight.expand(*positions, *weight.shape), bias.expand(*positions, -1)) for weight, bias in body]
    larger = tuple(LocallyConnected(**asdict(spec)) if isinstance(spec, Conv) else spec for spec in specs)
    return _embedding(larger, input_shape, [*repeated, readout])


def lcn_in_vec(network: nn.Sequential, specs: Specs, input_shape: Shape) -> Embedding:
    """VEC_{d·n}: the channels (α, i), computed at every position, carry LCN's unit i of position α at α.

        W'[(α, i), j, t] = W[α, i, j, t]                            in the first layer,
        W'[(α, i), (β, j), t] = W[α, i, j, t] · [β = α + t]         above,
        R'[o, (α, i), γ] = R[o, (i, α)] · [γ = α].

    Values at other positions are never read: their weights are zero, whatever φ(0) is. A layer of n units above one
    of m takes d²·n·m·k² weights.
    """
    (first, first_bias), *above, (readout, readout_bias) = _parameters("lcn", network, specs, input_shape)
    parameters = [(first, first_bias)]
    for weight, bias in above:
        parameters.append((torch.einsum("aijt,atb->aibjt", _by_tap(weight), _neighbours(weight)), bias))
    units = readout.unflatten(1, (-1, input_shape[1] * input_shape[2]))
    here = torch.eye(units.shape[-1], dtype=units.dtype, device=units.device)
    parameters.append((torch.einsum("oia,ac->oaic", units, here), readout_bias))
    return _embedding(_wider_vec_specs(specs, units.shape[-1]), input_shape, parameters)


def lcn_in_fcn(network: nn.Sequential, specs: Specs, input_shape: Shape) -> Embedding:
    """FCN_{d·n}: one unit for each of LCN's units and positions, in the order (i, α) of a flattened image.

        W'[(i, α), (j, β)] = Σ_t W[α, i, j, t] · [β = α + t],        the same readout.

    Several taps t add up if the filter is so large that it wraps around the image and meets itself.
    """
    *body, readout = _parameters("lcn", network, specs, input_shape)
    dense = [
        (torch.einsum("aijt,atb->iajb", _by_tap(weight), _neighbours(weight)), bias.flatten(0, 1).mT)
        for weight, bias in body
    ]
    return _embedding(_fcn_specs(specs, input_shape[1] * input_shape[2]), input_shape, [*dense, readout])


def _parameters(family: str, network: nn.Sequential, specs: Specs, input_shape: Shape) -> Parameters:
    """Weights / √fan_in and biases of a network, after checking that it has these specs and is of this family."""
    _require_family(family, specs)
    _require_built(network, specs, input_shape)
    return [(layer.weight.detach() / sqrt(_fan_in(layer)), layer.bias.detach()) for layer in _weighted(network)]


def _embedding(specs: Specs, input_shape: Shape, parameters: Parameters) -> Embedding:
    """The network of these specs with given weights / √fan_in and biases, in any shape of the right order."""
    like = parameters[0][0]
    network = build(specs, input_shape, dtype=like.dtype).to(like.device)
    with torch.no_grad():
        for layer, (weight, bias) in zip(_weighted(network), parameters, strict=True):
            layer.weight.copy_(weight.reshape(layer.weight.shape) * sqrt(_fan_in(layer)))
            layer.bias.copy_(bias.reshape(layer.bias.shape))
    return Embedding(specs, network)


def _weighted(network: nn.Sequential) -> list[WeightedLayer]:
    return [layer for layer in network if isinstance(layer, WeightedLayer)]


def _fan_in(layer: WeightedLayer) -> int:
    """Weights per bias."""
    return layer.weight.numel() // layer.bias.numel()


def _spread(readout: tuple[Tensor, Tensor], input_shape: Shape, window: Shape) -> tuple[Tensor, Tensor]:
    """The readout of pixels that equals a readout of means over windows of [s, s'] pixels."""
    weight, bias = readout
    means = weight.unflatten(1, (-1, input_shape[1] // window[0], input_shape[2] // window[1]))
    pixels = means.repeat_interleave(window[0], dim=2).repeat_interleave(window[1], dim=3)
    return pixels / (window[0] * window[1]), bias


def _by_tap(weight: Tensor) -> Tensor:
    """[h, w, n, c, k, k] -> [d, n, c, k²]."""
    return weight.flatten(0, 1).flatten(-2)


def _neighbours(weight: Tensor) -> Tensor:
    """[β = α + t] as ones and zeros [d, k², d], for a locally connected layer's weights [h, w, n, c, k, k]."""
    height, width, k = weight.shape[0], weight.shape[1], weight.shape[-1]
    positions = torch.arange(height * width, device=weight.device).reshape(height, width)
    taps = [positions.roll((k // 2 - y, k // 2 - x), (0, 1)).flatten() for y in range(k) for x in range(k)]
    return F.one_hot(torch.stack(taps, dim=1), height * width).to(weight.dtype)


def _vec_specs(specs: Specs) -> Specs:
    """The specs without pooling."""
    body = tuple(spec for spec in specs[:-1] if isinstance(spec, Conv | Activation))
    return (*body, Flatten(), specs[-1])


def _wider_vec_specs(specs: Specs, positions: int) -> Specs:
    """Convolutions, `positions` times as wide as the locally connected layers."""
    return tuple(
        Conv(**asdict(replace(spec, width=positions * spec.width))) if isinstance(spec, Conv) else spec
        for spec in specs
    )


def _fcn_specs(specs: Specs, positions: int) -> Specs:
    """Flattened first, with dense layers `positions` times as wide as the locally connected ones."""
    body = (
        Dense(positions * spec.width, spec.w_variance, spec.b_variance, spec.init) if isinstance(spec, Conv) else spec
        for spec in specs
        if not isinstance(spec, Flatten)
    )
    return (Flatten(), *body)


def window(specs: Specs) -> int:
    """The side of LAP's windows."""
    return next(spec.window for spec in specs if isinstance(spec, AveragePool))


def family_of(specs: Specs) -> str:
    """The smaller family that a stack of layers belongs to; raises `ConfigError` where there is none."""
    for family in BODY_AND_HEAD:
        if _is_of(family, specs):
            return family
    reason = "in this order they are none of the smaller families of Theorem 3.1: give gap, lap, vec or lcn"
    raise ConfigError("architecture", ", ".join(dict.fromkeys(type(spec).__name__ for spec in specs)), reason)


def _is_of(family: str, specs: Specs) -> bool:
    local, head = BODY_AND_HEAD[family]
    kinds = tuple(type(spec) for spec in specs)
    depth = (len(kinds) - len(head)) // 2
    return depth >= 1 and kinds == (local, Activation) * depth + head


def _require_family(family: str, specs: Specs) -> None:
    if not _is_of(family, specs):
        kinds = tuple(type(spec) for spec in specs)
        reason = f"not a {family.upper()}: give a network and its specs from geomsym.architectures.specs('{family}')"
        raise ConfigError("architecture", " → ".join(kind.__name__ for kind in kinds), reason)
    for spec in specs:
        if isinstance(spec, Conv) and spec.padding != "circular":
            reason = "the theorem is about filters that wrap around the image: give circular"
            raise ConfigError("architecture.padding", spec.padding, reason)
        if isinstance(spec, Conv) and spec.kernel_size % 2 == 0:
            raise ConfigError("architecture.kernel_size", spec.kernel_size, "give an odd number: filters are centred")


@torch.no_grad()
def _require_built(network: nn.Sequential, specs: Specs, input_shape: Shape) -> None:
    """The specs, with the network's parameters, have to give the network's outputs."""
    like = next(network.parameters())
    probe = torch.randn(2, *input_shape, generator=torch_generator(0, "probe"), dtype=torch.float64).to(like)
    reference = build(specs, input_shape, dtype=like.dtype).to(like.device)
    try:
        reference.load_state_dict(network.state_dict())
        agrees = torch.allclose(network(probe), reference(probe))
    except RuntimeError:
        agrees = False
    if not agrees:
        kinds = " → ".join(type(layer).__name__ for layer in network.children())
        reason = f"it is not the network of these specs for images {list(input_shape)}: give those it was built from"
        raise ConfigError("network", kinds, reason)
