"""The theorems of Xiao & Pennington (2022), one statement at a time, with controls that must break them.

Each suite yields rows as they are computed, for narrow networks of every family on white noise. The checks for one
network on its own data are in `geomsym.verification.configured_run`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from geomsym.architectures import architecture_specs
from geomsym.architectures.layer_specs import Specs
from geomsym.config import ArchitectureConfig
from geomsym.kernels import kernel_matrices
from geomsym.theory.checks import EXACT, Check, deviation
from geomsym.theory.coupled_training import coupled_config, gaussian_images
from geomsym.theory.first_layer_law import check_law
from geomsym.theory.inclusion import check_inclusion
from geomsym.theory.invariance import check_coupling, check_invariance, check_kernels
from geomsym.theory.invariant_groups import Penalty, invariant_groups
from geomsym.theory.laws import INCLUSIONS, strictness
from geomsym.transforms import GROUPS, largest_groups

FAMILIES = ("fcn", "lcn", "vec", "lap", "gap")


def small(family: str, **changes) -> ArchitectureConfig:
    """The networks that the theorems are checked on: narrow, of depth 2."""
    return replace(ArchitectureConfig(family, width=6, depth=2, window=2), **changes)


def _layers(family: str, **changes) -> tuple[Specs, str]:
    """Specs with three outputs, and the name in the table."""
    cfg = small(family, **changes)
    return architecture_specs(cfg, 3), cfg.label


def invariance(steps: int = 100) -> Iterator[Check]:
    """Theorem 4.1: trained networks of every family under every group, other algorithms, and the law of θ0.

    Groups beyond those of the theorem are controls. So are rotations with Adam, with |θ|^p, and from a uniform
    θ0.
    """
    sgd, adam = coupled_config(max_steps=steps), coupled_config(max_steps=steps, optimizer="adam")
    networks = [_layers(family) for family in FAMILIES]
    for specs, name in networks:
        yield from (check_invariance(specs, group, name, cfg=sgd) for group in GROUPS)
    for specs, name in networks:
        yield from (check_coupling(specs, group, name) for group in GROUPS)
    for specs, name in networks:
        group = largest_groups(invariant_groups(specs))[0]
        yield check_invariance(specs, group, name, cfg=coupled_config(max_steps=steps, loss="cross_entropy"))
    for specs, name in networks:
        yield from (check_invariance(specs, group, name, cfg=adam) for group in invariant_groups(specs))
    for power in (1, 4):
        for specs, name in networks:
            for group in _largest_of_both_kinds(specs):
                yield check_invariance(specs, group, name, cfg=sgd, penalty=Penalty(power, 1e-2))
    yield from first_layers()


def first_layers() -> Iterator[Check]:
    """The law of τ*θ0 by its fourth moment, for Gaussian and uniform θ0; second moments agree for both."""
    for init, power in (("gaussian", 4), ("uniform", 2), ("uniform", 4)):
        for family, width in (("fcn", 2000), ("lcn", 200), ("gap", 3000)):
            specs, name = _layers(family, width=width, depth=1, first_layer_init=init)
            for group in _largest_of_both_kinds(specs):
                yield check_law(specs, group, name, power)


def _largest_of_both_kinds(specs: Specs) -> list[str]:
    """The largest group of permutations and the largest of rotations to which the theorem says these are invariant."""
    groups = invariant_groups(specs)
    kinds = ([g for g in groups if GROUPS[g].is_rotation == rotates] for rotates in (False, True))
    return [name for kind in kinds for name in largest_groups(kind)]


def inclusion() -> Iterator[Check]:
    """Theorem 3.1: each family inside the next by explicit weights, and a law that the larger family breaks."""
    images = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for item in INCLUSIONS:
        yield check_inclusion(item, architecture_specs(small(item.smaller, depth=3, width=3), 4), images)
    laws = [(item.formula, strictness(item, *_strict_case(item.smaller, item.larger))) for item in INCLUSIONS]
    statement, compared = "Theorem 3.1: the inclusion is strict", "a law of the smaller family, on a random member of"
    for title, law in laws:
        yield Check(statement, title, "", f"{compared} it", law.smaller, EXACT, True)
    for title, law in laws:
        yield Check(statement, title, "", f"{compared} the larger", law.larger, EXACT, False)


def kernels() -> Iterator[Check]:
    """Theorem 4.1 at infinite width: NNGP and NTK of transformed images, the controls, and LCN∞ = VEC∞."""
    images = gaussian_images().train.x[:5]
    for specs, name in map(_layers, FAMILIES):
        yield from (check_kernels(specs, group, name, images) for group in GROUPS)
    lcn, vec = (kernel_matrices(_layers(family)[0], images) for family in ("lcn", "vec"))
    found = max(deviation(lcn.nngp, vec.nngp), deviation(lcn.ntk, vec.ntk))
    yield Check("LCN and VEC agree at infinite width", "lcn ∞ = vec ∞", "", "NNGP and NTK matrices", found, EXACT, True)


def _strict_case(smaller: str, larger: str) -> tuple[Specs, Tensor]:
    """Specs and images on which the law of a smaller family can be measured against a larger one."""
    generator = torch.Generator().manual_seed(1)
    outputs, shape, count = {"fcn": (4, (3, 2, 10), 4)}.get(larger, (4, (3, 4, 4), 30))
    if (smaller, larger) == ("lcn", "vec"):
        outputs, shape, count = 15, (3, 2, 3), 60
    specs = architecture_specs(small(smaller, width=2, b_variance=0.3), outputs)
    return specs, torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def suites(steps: int = 100) -> dict[str, Callable[[], Iterator[Check]]]:
    """The suites that take seconds, with `steps` of training; `geomsym.verification.equal_accuracy` takes minutes."""
    return {"invariance": partial(invariance, steps), "inclusion": inclusion, "kernels": kernels}
