"""Networks of one hidden layer, Φ = φ(Wx + b): their geometry in closed form, without automatic differentiation.

With z = Wx + b and w_j the rows of W, J = diag(φ'(z)) W. The derivatives of the metric, T_abc = ∂_a g_bc, are totally
symmetric, T_abc = (2/n) Σ_j φ'(z_j) φ''(z_j) w_ja w_jb w_jc, so that Γ_abc = T_abc/2 and all second derivatives of g
drop out of the scalar curvature: R = ¼(|T|² − |tr T|²), contracted with g⁻¹ (Zavatone-Veth et al. 2023,
where R is 3 times as large; conventions of `geomsym.geometry.curvature`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import jvp

from geomsym.errors import look_up
from geomsym.geometry.curvature import CONVENTIONS, orthonormal_frame, scalar_curvature
from geomsym.geometry.jacobian import MEMORY, blocks, check_points, jacobian_blocks
from geomsym.geometry.metric import root_scale
from geomsym.geometry.volume import FLOOR

BLOCK = 1.6e7
"""The most bytes of J at a time: small blocks stay in the processor's cache, and their memory is reused."""


@dataclass(frozen=True)
class ShallowMap:
    """x -> φ(Wx + b) for `weight` W [n, d], `bias` b [n], scales included, and an elementwise `activation` φ."""

    weight: Tensor
    bias: Tensor
    activation: Callable[[Tensor], Tensor]
    unshared: ClassVar[bool] = False

    def __call__(self, x: Tensor) -> Tensor:
        """[d] -> [n]."""
        return self.batch(x)

    def batch(self, x: Tensor) -> Tensor:
        """[..., d] -> [..., n]."""
        return self.activation(self.preactivation(x))

    def preactivation(self, x: Tensor) -> Tensor:
        """Wx + b, [..., d] -> [..., n]."""
        return x @ self.weight.mT + self.bias

    def slope(self, z: Tensor) -> Tensor:
        """φ'(z), same shape."""
        return jvp(self.activation, (z,), (torch.ones_like(z),))[1]

    def bend(self, z: Tensor) -> Tensor:
        """φ''(z), same shape."""
        return jvp(self.slope, (z,), (torch.ones_like(z),))[1]


@blocks.register
@torch.no_grad()
def _(feature_map: ShallowMap, x: Tensor, memory: float) -> Iterator[Tensor]:
    at_once = max(1, int(min(memory, BLOCK) // (feature_map.weight.numel() * x.element_size())))
    for points in x.split(at_once):
        yield feature_map.slope(feature_map.preactivation(points))[:, :, None] * feature_map.weight


@scalar_curvature.register
@torch.no_grad()
def _(
    feature_map: ShallowMap,
    x: Tensor,
    *,
    normalization: str = "features",
    convention: str = "standard",
    floor: float = FLOOR,
    memory: float = MEMORY,
) -> Tensor:
    multiple = look_up("geometry.convention", convention, CONVENTIONS)
    check_points(x)
    scale, results = root_scale(len(feature_map.weight), normalization), []
    z = feature_map.preactivation(x)
    bends = (feature_map.slope(z) * feature_map.bend(z)) / scale**2
    for J in jacobian_blocks(feature_map, x, memory):
        frame = orthonormal_frame(J / scale, floor)
        for k, regular in enumerate(frame.regular):
            whitened = feature_map.weight @ frame.inputs[k].mT
            R = symmetric_curvature(2 * bends[len(results)], whitened) if regular else x.new_tensor(torch.nan)
            results.append(multiple * R)
    return torch.stack(results)


def symmetric_curvature(c: Tensor, w: Tensor) -> Tensor:
    """¼(|T|² − |tr T|²) for T = Σ_j c_j w_j ⊗ w_j ⊗ w_j, with c [n] and the rows of w [n, d] in an orthonormal frame.

    From T in O(n d³), or, if there are fewer neurons than pairs of inputs, from inner products M = wwᵀ in O(n² d):
    |T|² = Σ_jk c_j c_k M_jk³.
    """
    n, d = w.shape
    weighted = c * w.square().sum(1)
    trace = weighted @ w
    if n < d**2:
        square = c @ (w @ w.mT).pow(3) @ c
    else:
        T = torch.einsum("j,ja,jb,jc->abc", c, w, w, w)
        square = T.square().sum()
    return (square - trace @ trace) / 4
