"""The empirical neural tangent kernel of a finite network, through products alone.

For a network f(x; θ) with K outputs and inputs x_1 … x_N, J [N·K, P] is the Jacobian of all outputs with
respect to all P parameters, and Θ = J Jᵀ [N·K, N·K]. At infinite width Θ is the kernel of one output times
the identity over outputs, so that its eigenvalues are per output; nothing here divides by K.
"""

from collections.abc import Callable, Sequence
from math import nan

import torch
from torch import Tensor, nn
from torch.func import functional_call

from geomsym.seeds import torch_generator

Operator = Callable[[Tensor], Tensor]

ReportProducts = Callable[[int, int], None]
"""Called with (products done, the most that there may be)."""


def tangent_kernel_operator(model: nn.Module, x: Tensor, chunk_size: int = 64) -> Operator:
    """The map u -> Θ u on arrays [N, K], for inputs x [N, …].

    J Jᵀ u is a sum of vector-Jacobian products followed by Jacobian-vector products, over chunks of inputs,
    so that memory is that of two passes over `chunk_size` inputs and one copy of the parameters.
    """
    theta = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    parameters = list(theta.values())

    def pulled(inputs: Tensor, u: Tensor, again: bool = False) -> tuple[Tensor, ...]:
        return torch.autograd.grad(functional_call(model, theta, (inputs,)), parameters, u, create_graph=again)

    def pushed(inputs: Tensor, v: list[Tensor], like: Tensor) -> Tensor:
        u = torch.zeros_like(like, requires_grad=True)
        return torch.autograd.grad(pulled(inputs, u, again=True), u, v)[0]  # Jᵀu is linear in u, with gradient J v

    def product(u: Tensor) -> Tensor:
        chunks = list(zip(x.split(chunk_size), u.split(chunk_size), strict=True))
        v = [torch.zeros_like(value) for value in parameters]
        for inputs, cotangent in chunks:
            for total, gradient in zip(v, pulled(inputs, cotangent), strict=True):
                total += gradient
        return torch.cat([pushed(inputs, v, cotangent) for inputs, cotangent in chunks])

    return product


def largest_tangent_eigenvalue(
    draws: Sequence[nn.Module], x: Tensor, tolerance: float = 1e-2, report: ReportProducts = lambda done, most: None
) -> float:
    """λmax, the largest eigenvalue of Θ/N for inputs x [N, …], by Lanczos iteration; Θ is never formed.

    Θ is averaged over some draws of a network. `tolerance` bounds the residual |Θv/N − λv|/λ of a unit vector v, hence
    the relative distance of λ from an eigenvalue; that it is the largest one rests on the random start.
    """
    u = draws[0](x[:1])
    start = torch.randn((len(x), u.shape[1]), generator=torch_generator(0, "lanczos"), dtype=torch.float64)
    operators = [tangent_kernel_operator(model, x) for model in draws]
    total = lanczos(
        lambda v: torch.stack([product(v) for product in operators]).sum(0), start.to(u), tolerance, report=report
    )
    return total / (len(draws) * len(x))


def lanczos(
    operator: Operator,
    start: Tensor,
    tolerance: float,
    max_iterations: int = 200,
    report: ReportProducts = lambda done, most: None,
) -> float:
    """The largest eigenvalue of a symmetric positive semi-definite operator on tensors shaped like `start`.

    Lanczos (1950) with full reorthogonalisation. Stops when the residual of the leading Ritz pair is at most
    `tolerance` times its value (0.0, at once, for a zero operator), or when the Krylov space is exhausted.
    Raises `ArithmeticError` on values that aren't finite or where `max_iterations` don't suffice.
    """
    basis = [start.flatten() / start.norm()]
    diagonal, off_diagonal = [], []
    value = residual = nan
    for done in range(max_iterations):
        report(done, max_iterations)
        vector = operator(basis[-1].reshape(start.shape)).flatten()
        diagonal.append(float(vector @ basis[-1]))
        V = torch.stack(basis)
        for _ in range(2):  # once leaves a component of the order of the rounding error times the norm
            vector = vector - V.mT @ (V @ vector)
        off_diagonal.append(float(vector.norm()))
        value, residual = _leading_ritz_pair(diagonal, off_diagonal)
        if residual <= tolerance * value or len(basis) == start.numel():
            return value
        basis.append(vector / off_diagonal[-1])
    found = f"residual {residual / value:.1e} of the eigenvalue after {max_iterations} products"
    raise ArithmeticError(f"Lanczos iteration: {found}")


def _leading_ritz_pair(diagonal: list[float], off_diagonal: list[float]) -> tuple[float, float]:
    """The leading eigenvalue of the tridiagonal matrix, and the residual of its Ritz vector."""
    T = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    inner = torch.tensor(off_diagonal[:-1], dtype=torch.float64)
    if not (T.isfinite().all() and inner.isfinite().all()):
        raise ArithmeticError("Lanczos iteration: the operator returned values that aren't finite")
    values, vectors = torch.linalg.eigh(T + torch.diag(inner, 1) + torch.diag(inner, -1))
    return float(values[-1]), off_diagonal[-1] * abs(float(vectors[-1, -1]))
