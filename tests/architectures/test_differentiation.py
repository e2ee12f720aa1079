"""Derivatives of every family through torch.func, forward and backward, in parameters and in inputs."""

import pytest
import torch
from torch.func import functional_call, jvp, stack_module_state, vjp, vmap

from geomsym.architectures import ARCHITECTURES, build, specs

IMAGE = (3, 4, 2)
CASES = [
    (name, padding, activation)
    for name in ARCHITECTURES
    for padding in (("circular", "zero") if name != "fcn" else ("circular",))
    for activation in ("relu", "erf", "gelu")
]
everywhere = pytest.mark.parametrize(("name", "padding", "activation"), CASES)


def network(name: str, padding: str = "circular", activation: str = "erf", seed: int = 0):
    layers = specs(name, 4, width=5, depth=2, window=2, padding=padding, activation=activation)
    return build(layers, IMAGE, seed, torch.float64)


def images(count: int = 3) -> torch.Tensor:
    return torch.randn(count, *IMAGE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def direction(like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {n: torch.randn(v.shape, generator=generator, dtype=v.dtype) for n, v in like.items()}


def parameters_of(model) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in model.named_parameters()}


@everywhere
def test_the_derivative_along_parameters_is_the_limit_of_differences(name, padding, activation):
    model, x = network(name, padding, activation), images()
    theta = parameters_of(model)
    v = direction(theta)

    def outputs(values):
        return functional_call(model, values, (x,))

    def difference(epsilon):
        ahead, behind = (outputs({n: theta[n] + sign * epsilon * v[n] for n in theta}) for sign in (1.0, -1.0))
        return (ahead - behind) / (2 * epsilon)

    exact = jvp(outputs, (theta,), (v,))[1]
    coarse, fine = ((difference(epsilon) - exact).abs().max() for epsilon in (2e-3, 1e-3))
    assert exact.abs().max() > 0.1
    if activation == "relu":  # quadratic pieces: no kink is crossed within 1e-6 for these seeds
        assert (difference(1e-6) - exact).abs().max() < 1e-8
    else:
        assert 3.8 < coarse / fine < 4.2


@everywhere
def test_the_derivative_along_inputs_is_the_limit_of_differences(name, padding, activation):
    model, x = network(name, padding, activation), images()
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    exact = jvp(model, (x,), (v,))[1]
    difference = (model(x + 1e-6 * v) - model(x - 1e-6 * v)) / 2e-6
    assert exact.abs().max() > 0.1
    torch.testing.assert_close(difference, exact, rtol=0, atol=1e-8)


@everywhere
def test_forward_and_backward_derivatives_are_adjoint(name, padding, activation):
    model, x = network(name, padding, activation), images()
    theta = parameters_of(model)
    v = direction(theta)

    def outputs(values):
        return functional_call(model, values, (x,))

    f, pull = vjp(outputs, theta)
    u = torch.randn(f.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    pulled, pushed = pull(u)[0], jvp(outputs, (theta,), (v,))[1]
    torch.testing.assert_close(sum((pulled[n] * v[n]).sum() for n in theta), (u * pushed).sum())


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("padding", ["circular", "zero"])
def test_vmap_over_images_and_over_networks_is_the_loop(name, padding):
    models, x = [network(name, padding, seed=seed) for seed in range(3)], images()
    stacked, buffers = stack_module_state(models)

    def outputs(values, image):
        return functional_call(models[0], (values, buffers), (image[None],))[0]

    mapped = vmap(vmap(outputs, (None, 0)), (0, None))(stacked, x)
    torch.testing.assert_close(mapped, torch.stack([m(x) for m in models]), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_second_derivatives_along_inputs_agree_forward_backward_and_by_differences(name):
    """D²f[u, v], what curvature is computed from: jvp of jvp, its transpose, jvp of vjp, second differences."""
    model, x = network(name), images()
    u, v = torch.randn(2, *x.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)

    def along(first, second):
        return jvp(lambda at: jvp(model, (at,), (first,))[1], (x,), (second,))[1]

    exact = along(u, v)
    assert exact.abs().max() > 0.05
    torch.testing.assert_close(along(v, u), exact, rtol=0, atol=1e-12)
    pulled = jvp(lambda at: vjp(model, at)[1](torch.ones_like(exact))[0], (x,), (v,))[1]
    torch.testing.assert_close((pulled * u).sum(), exact.sum(), rtol=0, atol=1e-12)
    h = 1e-4
    corners = [a * b * model(x + h * (a * u + b * v)) for a in (1, -1) for b in (1, -1)]
    torch.testing.assert_close(sum(corners) / (4 * h * h), exact, rtol=1e-5, atol=1e-6)
