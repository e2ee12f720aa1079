"""Theorem 3.1 as checks: networks and their embeddings in larger families give the same outputs.

Xiao & Pennington (2022, Theorem 3.1 in §3, proof in App. C). The embeddings are in `geomsym.theory.embed`; that the
inclusions are strict is shown in `geomsym.theory.laws`.
"""

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Conv, Shape, Specs, shapes
from geomsym.errors import ConfigError
from geomsym.theory.checks import EXACT, Check, deviation
from geomsym.theory.embed import family_of
from geomsym.theory.laws import INCLUSIONS, Inclusion
from geomsym.transforms.memory import main_memory


@torch.no_grad()
def check_inclusion(item: Inclusion, specs: Specs, images: Tensor, seed: int = 0) -> Check:
    """Theorem 3.1 for one pair of families: a random network of the smaller one and its embedding, as a row.

    `specs` are the smaller family's, `images` [b, c, h, w] in float64. Raises what the embedding raises.
    """
    shape = tuple(images.shape[1:])
    network = build(specs, shape, seed, torch.float64).to(images.device)
    found = deviation(item.embed(network, specs, shape).network(images), network(images))
    return Check("Theorem 3.1: inclusion", item.formula, "", "outputs on images", found, EXACT, True)


def inclusions_of(specs: Specs, images: Tensor, seed: int = 0) -> Iterator[Check]:
    """Theorem 3.1 for a network with these layers, embedded in every larger family, on images [b, c, h, w].

    Raises a `ConfigError` for layers of none of the smaller families, and for embeddings too large for the memory.
    """
    family = family_of(specs)
    for item in INCLUSIONS:
        if item.smaller == family:
            _require_fits(item, specs, (images.shape[1], images.shape[2], images.shape[3]))
            yield check_inclusion(item, specs, images.double(), seed)


def _require_fits(item: Inclusion, specs: Specs, shape: Shape) -> None:
    """Refuse a network of width d·n if three copies of its weights in float64 don't fit into memory."""
    if item.width == "n":
        return
    pairs = prod(shape[1:]) ** 2  # of positions: each of the d·n units has weights to all positions below
    layers = [
        (spec, below[0]) for spec, below in zip(specs, shapes(specs, shape), strict=False) if isinstance(spec, Conv)
    ]
    taps = {"vec": layers[0][0].kernel_size ** 2, "fcn": 1}[item.larger]
    weights = sum(pairs * spec.width * channels * taps for spec, channels in layers)
    needed = 3 * 8 * weights
    if needed > main_memory():
        found = f"{item.larger.upper()} of width d·n has {weights:,} weights, and {needed / 1e9:,.0f} GB are needed"
        remedy = "give a smaller width, depth or data.image_size"
        raise ConfigError("architecture.width", layers[0][0].width, f"{found}: {remedy}")
