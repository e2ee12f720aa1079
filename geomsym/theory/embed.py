"""Theorem 3.1 of Xiao & Pennington (2022, proof in App. C) as code: smaller families inside larger ones, exactly.

    GAP_n ⊆ VEC_n ⊆ LCN_n ⊆ VEC_{d·n},   LCN_n ⊆ FCN_{d·n},   LAP_n ⊆ VEC_n,        d = h·w positions.

Every `a_in_b` takes a network of the smaller family, as `build(specs, input_shape)` makes it, and returns one of the
larger family that computes the same function. The factors 1/√fan_in of the two networks differ; the formulas below
are for weights with that factor included, and the new parameters make up for the difference. Letters: α, β, γ are
positions, row by row; t the k² taps of a centred filter, which wraps around the image; i a unit of a layer and j one
of the layer below; o an output; R the readout. Biases are copied along with their units.

`INCLUSIONS` lists them all, each with a law that the smaller family obeys and the larger does not (`strictness`).
"""

from collections.abc import Callable
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
    Weighted,
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

    `input_shape` is [c, h, w]. Raises `ConfigError` unless `network` is a GAP of these specs with circular padding;
    likewise the other embeddings, each for its own family.
    """
    *body, readout = _parameters("gap", network, specs, input_shape)
    return _embedding(_vec_specs(specs), input_shape, [*body, _spread(readout, input_shape, input_shape[1:])])


def lap_in_vec(network: nn.Sequential, specs: Specs, input_shape: Shape) -> Embedding:
    """VEC_n with LAP's filters and its readout repeated over windows, R'[o, (i, α)] = R[o, (i, window of α)] / s²."""
    *body, readout = _parameters("lap", network, specs, input_shape)
    return _embedding(_vec_specs(specs), input_shape, [*body, _spread(readout, input_shape, (_window(specs),) * 2)])


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

    The sum matters where a filter wraps around the image so far that two taps meet.
    """
    *body, readout = _parameters("lcn", network, specs, input_shape)
    dense = [
        (torch.einsum("aijt,atb->iajb", _by_tap(weight), _neighbours(weight)), bias.flatten(0, 1).mT)
        for weight, bias in body
    ]
    return _embedding(_fcn_specs(specs, input_shape[1] * input_shape[2]), input_shape, [*dense, readout])


def deviation(outputs: Tensor, expected: Tensor) -> float:
    """The largest |outputs − expected| over the largest |expected|; tensors of the same shape."""
    return ((outputs - expected).abs().max() / expected.abs().max()).item()


def gap_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """GAP doesn't see circular shifts, f(Sx) = f(x): the deviation after a shift along the diagonal.

    `network` is any network and `images` [b, c, h, w] its input; `specs` those of the smaller family, to which the
    law belongs. Zero up to rounding for that family; likewise the other laws.
    """
    return _shift_variance(network, images, images.shape[2:])


def lap_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """LAP's mean over all shifts by multiples of s, the window's side, doesn't see any shift.

    The sum over those shifts of a readout that is constant inside windows is constant everywhere, as GAP's. For s = 1,
    where LAP is VEC, every network obeys.
    """
    return _shift_variance(network, images, (_window(specs),) * 2)


def vec_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """VEC_n's outputs on images of one colour lie in an affine space of dimension n.

    Its last hidden layer has n values there, the same at every position. The first pixel of every image is its
    colour. Returns the (n+1)-th singular value of the centred outputs over the first. Raises `ConfigError` for n
    outputs or fewer and for n + 1 images or fewer.
    """
    return _excess(network(images[:, :, :1, :1].expand_as(images).contiguous()), _width(specs))


def lcn_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """LCN_n's outputs lie in an affine space of dimension d·n, the number of units of its last hidden layer.

    Measured and raised as for `vec_law`.
    """
    return _excess(network(images), images.shape[2] * images.shape[3] * _width(specs))


def locality_law(network: nn.Module, specs: Specs, images: Tensor) -> float:
    """LCN adds up functions of receptive fields, so pixels u and v that no field contains both do not interact:

        f(x + u + v) − f(x + u) − f(x + v) + f(x) = 0,

    relative to max |f(x)|. Fields reach L·(k−1)/2 pixels from their centre; u changes the first pixel and v the one
    farthest from it. Raises `ConfigError` where the image is too small to have such pixels.
    """
    row, column = images.shape[2] // 2, images.shape[3] // 2
    reach = sum(spec.kernel_size // 2 for spec in specs if isinstance(spec, Conv))
    if max(row, column) <= 2 * reach:
        size = f"{images.shape[2]}×{images.shape[3]}"
        reason = f"receptive fields reach {reach} pixels: give images with a side of at least {4 * reach + 2}"
        raise ConfigError("images", size, reason)
    near, far, both = images.clone(), images.clone(), images.clone()
    for changed in (near, both):
        changed[:, :, 0, 0] += images[:, :, 0, 0].roll(1, 0) + 1
    for changed in (far, both):
        changed[:, :, row, column] += images[:, :, row, column].roll(1, 0) + 1
    base = network(images)
    interaction = network(both) - network(near) - network(far) + base
    return deviation(base + interaction, base)


@dataclass(frozen=True)
class Inclusion:
    """`smaller` ⊆ `larger` by `embed`, where the larger family is «n» or «d·n» wide; `law` shows that it is strict.

    `law(network, specs, images)` is a relative violation, zero up to rounding for every network of the smaller
    family with these specs.
    """

    smaller: str
    larger: str
    width: str
    embed: Callable[[nn.Sequential, Specs, Shape], Embedding]
    law: Callable[[nn.Module, Specs, Tensor], float]


INCLUSIONS = (
    Inclusion("gap", "vec", "n", gap_in_vec, gap_law),
    Inclusion("lap", "vec", "n", lap_in_vec, lap_law),
    Inclusion("vec", "lcn", "n", vec_in_lcn, vec_law),
    Inclusion("lcn", "vec", "d·n", lcn_in_vec, lcn_law),
    Inclusion("lcn", "fcn", "d·n", lcn_in_fcn, locality_law),
)


@dataclass(frozen=True)
class Strictness:
    """A law's relative violation by a random network of the smaller family and by one of the larger."""

    smaller: float
    larger: float


@torch.no_grad()
def strictness(inclusion: Inclusion, specs: Specs, images: Tensor, seed: int = 0) -> Strictness:
    """How far random networks of both families are from the smaller one's law, on images [b, c, h, w].

    `specs` are the smaller family's; activations have to be nonlinear for the larger one to break the law. Raises
    what the embedding and the law raise.
    """
    shape = tuple(images.shape[1:])
    smaller = build(specs, shape, seed, images.dtype)
    larger = build(inclusion.embed(smaller, specs, shape).specs, shape, seed + 1, images.dtype)
    return Strictness(inclusion.law(smaller, specs, images), inclusion.law(larger, specs, images))


def _shift_variance(network: nn.Module, images: Tensor, steps: Shape) -> float:
    height, width = images.shape[2:]
    shifts = [(y, x) for y in range(0, height, steps[0]) for x in range(0, width, steps[1])]

    def mean(shifted: Tensor) -> Tensor:
        return torch.stack([network(shifted.roll(shift, (2, 3))) for shift in shifts]).mean(0)

    return deviation(mean(images.roll((1, 1), (2, 3))), mean(images))


def _excess(outputs: Tensor, dimension: int) -> float:
    """The (dimension + 1)-th singular value of the centred outputs [b, o], relative to the first."""
    for key, count, least in zip(("images", "outputs"), outputs.shape, (dimension + 2, dimension + 1), strict=True):
        if count < least:
            raise ConfigError(key, count, f"the law concerns the dimension {dimension}: give at least {least}")
    values = torch.linalg.svdvals(outputs - outputs.mean(0))
    return (values[dimension] / values[0]).item()


def _parameters(family: str, network: nn.Sequential, specs: Specs, input_shape: Shape) -> Parameters:
    """Weights / √fan_in and biases of a network, once it is known to be of this family and of these specs."""
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
    """Without pooling."""
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


def _width(specs: Specs) -> int:
    """Of the last hidden layer."""
    return [spec.width for spec in specs if isinstance(spec, Weighted)][-2]


def _window(specs: Specs) -> int:
    return next(spec.window for spec in specs if isinstance(spec, AveragePool))


def _require_family(family: str, specs: Specs) -> None:
    local, head = BODY_AND_HEAD[family]
    kinds = tuple(type(spec) for spec in specs)
    depth = (len(kinds) - len(head)) // 2
    if depth < 1 or kinds != (local, Activation) * depth + head:
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
