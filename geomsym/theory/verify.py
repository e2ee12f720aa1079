"""The theorems of Xiao & Pennington (2022), one statement at a time: what must hold, and beside it what must break."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from geomsym.architectures import architecture_specs, build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import ArchitectureConfig
from geomsym.kernels import kernel_matrices
from geomsym.theory.embed import INCLUSIONS, deviation, strictness
from geomsym.theory.invariance import (
    CLAIMS,
    NEXT_LARGER,
    Check,
    Penalty,
    check,
    check_law,
    gaussian_images,
    settings,
)
from geomsym.transforms import sample_transform

EXACT = 1e-10
"""The largest relative deviation, in float64, that counts as rounding without any training."""

INFINITE_CLAIMS = CLAIMS | {"vec": CLAIMS["lcn"]}
"""At infinite width VEC and LCN have one kernel, and the larger of their groups (Xiao & Pennington 2022, §3.2)."""

INFINITE_NEXT = NEXT_LARGER | {"lcn": "global_permutation", "vec": "global_permutation"}


def small(family: str, **changes) -> ArchitectureConfig:
    """The networks that the theorems are checked on: narrow, of depth 2."""
    return replace(ArchitectureConfig(family, width=6, depth=2, window=2), **changes)


def invariance() -> Iterator[Check]:
    """Theorem 4.1: trained networks under every group that it claims, other algorithms, and the controls."""
    for family, groups in CLAIMS.items():
        for group in groups:
            if group != "identity":
                yield check(small(family), group)
    for family, group in NEXT_LARGER.items():
        yield check(small(family), group)
    yield check(small("gap"), "shared_rotation", cfg=settings(loss="cross_entropy"))
    for group in ("shared_permutation", "shared_rotation"):
        yield check(small("gap"), group, cfg=settings(optimizer="adam"))
    for group in ("shared_permutation", "shared_rotation"):
        yield check(small("gap"), group, penalty=Penalty(4, 1e-2))
    for init in ("gaussian", "uniform"):
        for group in ("shared_permutation", "shared_rotation"):
            yield check_law(small("fcn", width=2000, first_layer_init=init), group)


def inclusion() -> Iterator[Check]:
    """Theorem 3.1: each family inside the next by explicit weights, and a law of the smaller that the larger breaks."""
    generator = torch.Generator().manual_seed(0)
    for item in INCLUSIONS:
        name = f"{item.smaller}_n ⊆ {item.larger}_{item.width}"
        specs = architecture_specs(small(item.smaller, depth=3, width=3), outputs=4)
        images = torch.randn(8, 3, 4, 4, generator=generator, dtype=torch.float64)
        network = build(specs, (3, 4, 4), 0, torch.float64)
        embedded = item.embed(network, specs, (3, 4, 4))
        with torch.no_grad():
            found = deviation(embedded.network(images), network(images))
        statement = "Theorem 3.1: inclusion"
        yield Check(statement, name, "", "outputs on random images", found, EXACT, found <= EXACT, True)
        broken = strictness(item, *_strict_case(item.smaller, item.larger))
        for network_of, value, expected in ((item.smaller, broken.smaller, True), (item.larger, broken.larger, False)):
            compared = f"a law of {item.smaller}, on a random {network_of}"
            yield Check(f"{statement} is strict", name, "", compared, value, EXACT, value <= EXACT, expected)


def kernels() -> Iterator[Check]:
    """Theorem 4.1 at infinite width: NNGP and NTK of transformed images, the controls, and LCN∞ = VEC∞."""
    images = gaussian_images().train.x[:5]
    statement, compared = "Theorem 4.1: infinite width", "NNGP and NTK matrices"
    for family, groups in INFINITE_CLAIMS.items():
        specs = architecture_specs(small(family), outputs=1)
        plain = kernel_matrices(specs, images)
        for group in groups if family == "fcn" else (*groups, INFINITE_NEXT[family]):
            if group == "identity":
                continue
            tau = sample_transform(group, (3, 4, 4), 0, dtype=torch.float64)
            moved = kernel_matrices(specs, tau(images))
            found = max(deviation(moved.nngp, plain.nngp), deviation(moved.ntk, plain.ntk))
            expected = group in groups
            yield Check(statement, f"{family} ∞", group, compared, found, EXACT, found <= EXACT, expected)
    lcn, vec = (kernel_matrices(architecture_specs(small(family), 1), images) for family in ("lcn", "vec"))
    found = max(deviation(lcn.nngp, vec.nngp), deviation(lcn.ntk, vec.ntk))
    yield Check(
        "LCN and VEC agree at infinite width", "lcn ∞ = vec ∞", "", compared, found, EXACT, found <= EXACT, True
    )


SUITES: dict[str, Callable[[], Iterator[Check]]] = {
    "invariance": invariance,
    "inclusion": inclusion,
    "kernels": kernels,
}


def _strict_case(smaller: str, larger: str) -> tuple[Specs, Tensor]:
    """Specs and images on which the law of a smaller family can be measured against a larger one."""
    generator = torch.Generator().manual_seed(1)
    outputs, shape, count = {"fcn": (4, (3, 2, 10), 4)}.get(larger, (4, (3, 4, 4), 30))
    if (smaller, larger) == ("lcn", "vec"):
        outputs, shape, count = 15, (3, 2, 3), 60
    specs = architecture_specs(small(smaller, width=2, b_variance=0.3), outputs)
    return specs, torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def as_it_should_be(item: Check) -> bool:
    """Whether what must hold holds, and what must break is broken."""
    return item.holds == item.expected


def verdict(item: Check) -> str:
    """What a check comes to, in words."""
    if as_it_should_be(item):
        return "holds" if item.expected else "broken, as it should be"
    return "BROKEN" if item.expected else "HOLDS, BUT SHOULD NOT"
