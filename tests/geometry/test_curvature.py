"""Scalar curvature against spaces of known curvature, and against its definition through Christoffel symbols."""

from math import prod

import pytest
import torch
from torch.func import jacfwd

from geomsym.architectures import build, specs
from geomsym.errors import ConfigError
from geomsym.geometry import estimated_scalar_curvature, feature_map, scalar_curvature
from geomsym.geometry.curvature import orthonormal_frame

FAMILIES = ["fcn", "lcn", "vec", "lap", "gap"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(count: int, dimension: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(count, dimension, generator=generator(1), dtype=torch.float64)


def network_map(width: int = 16, dimension: int = 3, activation: str = "tanh", depth: int = 3):
    model = build(specs("fcn", 3, width=width, depth=depth, activation=activation), (1, 1, dimension), 0)
    return feature_map(model, (1, 1, dimension))


def curvature(phi, x, **arguments):
    return scalar_curvature(phi, x, normalization="none", **arguments)


def by_christoffel_symbols(phi, x: torch.Tensor, sign: float = 1.0) -> torch.Tensor:
    """R = g^bd (∂_a Γ^a_bd − ∂_d Γ^a_ba + Γ^a_ae Γ^e_bd − Γ^a_de Γ^e_ba) at a point [d], from third derivatives of Φ.

    Slow and obvious; `sign` −1 is the mistake in the terms ΓΓ.
    """

    def g(y):
        J = jacfwd(phi)(y)
        return J.mT @ J

    def christoffel(y):
        dg = jacfwd(g)(y)  # [b, c, a] = ∂_a g_bc
        lowered = (dg.permute(0, 2, 1) + dg - dg.permute(2, 0, 1)) / 2  # [a, b, c] = (∂_b g_ac + ∂_c g_ab − ∂_a g_bc)/2
        return torch.linalg.solve(g(y), lowered.flatten(1)).reshape(lowered.shape)

    Gamma, dGamma = christoffel(x), jacfwd(christoffel)(x)
    ricci = torch.einsum("abda->bd", dGamma) - torch.einsum("abad->bd", dGamma)
    products = torch.einsum("aae,ebd->bd", Gamma, Gamma) - torch.einsum("ade,eba->bd", Gamma, Gamma)
    return torch.einsum("bd,bd->", torch.linalg.inv(g(x)), ricci + sign * products)


def sphere(radius: float):
    """The upper half of the sphere as a graph."""
    return lambda x: torch.cat([x, (radius**2 - x.square().sum()).sqrt()[None]])


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
@pytest.mark.parametrize("radius", [1.0, 2.5])
@pytest.mark.parametrize("memory", [1.0, 1e4, 1e9])
def test_spheres(dimension, radius, memory):
    x = points(4, dimension, 0.2)
    expected = torch.full((4,), dimension * (dimension - 1) / radius**2, dtype=torch.float64)
    torch.testing.assert_close(curvature(sphere(radius), x, memory=memory), expected, rtol=1e-12, atol=1e-12)


def test_the_reference_knows_the_sphere_as_a_graph_and_the_wrong_sign_does_not():
    """Γ vanishes at the pole, and the mistake with it; polar coordinates hide it everywhere."""
    x = torch.tensor([0.5, 0.3], dtype=torch.float64)
    assert float(by_christoffel_symbols(sphere(1.0), x)) == pytest.approx(2, rel=1e-12)
    assert float(by_christoffel_symbols(sphere(1.0), x, sign=-1)) != pytest.approx(2, rel=0.1)
    assert float(by_christoffel_symbols(sphere(1.0), 0 * x, sign=-1)) == pytest.approx(2, rel=1e-12)

    def polar(y):
        return torch.stack([y[0].sin() * y[1].cos(), y[0].sin() * y[1].sin(), y[0].cos()])

    for sign in (1, -1):
        assert float(by_christoffel_symbols(polar, x, sign)) == pytest.approx(2, rel=1e-12)


def test_a_torus_of_revolution():
    """R = 2 cos v/(r (a + r cos v)), positive outside and negative inside."""
    a, r = 2.0, 0.7

    def torus(x):
        ring = a + r * x[1].cos()
        return torch.stack([ring * x[0].cos(), ring * x[0].sin(), r * x[1].sin()])

    x = torch.linspace(-3, 3, 14, dtype=torch.float64).reshape(2, 7).mT
    expected = 2 * x[:, 1].cos() / (r * (a + r * x[:, 1].cos()))
    assert expected.min() < 0 < expected.max()
    torch.testing.assert_close(curvature(torus, x), expected, rtol=1e-12, atol=1e-12)


def test_a_hyperbolic_paraboloid():
    """R = −2/(1 + x² + y²)² on z = xy."""
    x = points(5, 2)
    expected = -2 / (1 + x.square().sum(1)) ** 2
    torch.testing.assert_close(curvature(lambda y: torch.stack([*y, y.prod()]), x), expected)


@pytest.mark.parametrize("dimension", [2, 3])
def test_flat_maps(dimension):
    """The flat torus, linear maps, and maps onto as many features as inputs, which are changes of coordinates."""
    A = points(6, dimension)
    maps = [lambda x: torch.cat([x.cos(), x.sin()]), lambda x: A @ x, lambda x: x + 0.1 * x.sin() * x.sum()]
    for phi in maps:
        assert curvature(phi, points(4, dimension)).abs().max() < 1e-12


@pytest.mark.parametrize("activation", ["tanh", "gelu", "erf", "sigmoid"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_the_gauss_equation_is_the_definition_on_deep_networks(activation, dimension):
    phi, x = network_map(16, dimension, activation), points(3, dimension)
    expected = torch.stack([by_christoffel_symbols(phi, point) for point in x])
    wrong = torch.stack([by_christoffel_symbols(phi, point, sign=-1) for point in x])
    torch.testing.assert_close(curvature(phi, x), expected, rtol=1e-8, atol=1e-8)
    assert all(((wrong / expected - multiple).abs() > 0.1).sum() >= 2 for multiple in (1, 3))


def test_the_wrong_sign_gives_three_times_the_curvature_of_one_hidden_layer():
    phi, x = network_map(16, 3, depth=1), points(3, 3)
    wrong = torch.stack([by_christoffel_symbols(phi, point, sign=-1) for point in x])
    torch.testing.assert_close(curvature(phi, x, convention="paper"), wrong, rtol=1e-9, atol=0)


def test_coordinates_do_not_matter():
    phi, x, A = network_map(20, 4), points(4, 4), points(8, 4)[4:]
    expected = curvature(phi, x)
    torch.testing.assert_close(curvature(lambda y: phi(A @ y), torch.linalg.solve(A, x.mT).mT), expected)

    def bent(y):
        return y + 0.1 * y.square().sum() * torch.ones(4, dtype=y.dtype)

    torch.testing.assert_close(curvature(lambda y: phi(bent(y)), x), curvature(phi, torch.func.vmap(bent)(x)))


def test_normalisation_scales_the_curvature_by_the_features():
    phi, x = network_map(16), points(3, 3)
    torch.testing.assert_close(scalar_curvature(phi, x), 16 * curvature(phi, x))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_architecture_at_any_budget(name):
    shape = (1, 2, 3) if name == "fcn" else (1, 2, 2)
    model = build(specs(name, 3, width=12, depth=2, window=2, activation="tanh"), shape, 0)
    phi, x = feature_map(model, shape), points(3, prod(shape))
    expected = torch.stack([by_christoffel_symbols(phi, point) for point in x])
    for memory in (1.0, 1e5, 1e9):
        torch.testing.assert_close(curvature(phi, x, memory=memory), expected, rtol=1e-6, atol=1e-8)


def test_relu_is_flat_off_its_kinks():
    assert scalar_curvature(network_map(40, 3, "relu"), points(10, 3)).tolist() == [0] * 10


def test_curvature_is_nan_where_the_metric_is_singular_and_only_there():
    """Each point of a block by itself: a cusp among regular points, and fewer features than inputs."""

    def cusp(y):
        return torch.stack([y[0] ** 2, y[0] ** 3, y[1], (y[0] * y[1]).sin()])

    x = torch.tensor([[0.0, 0.0], [1.0, 0.5], [0.7, 0.1]], dtype=torch.float64)
    found = curvature(cusp, x)
    assert found.isnan().tolist() == [True, False, False]
    torch.testing.assert_close(found[1:], curvature(cusp, x[1:]))
    estimate = estimated_scalar_curvature(cusp, x, generator())
    assert estimate.value.isnan().tolist() == estimate.standard_error.isnan().tolist() == [True, False, False]
    assert curvature(network_map(2, 3), points(2, 3)).isnan().all()
    assert estimated_scalar_curvature(network_map(2, 3), points(2, 3), generator()).value.isnan().all()


def test_frames_are_orthonormal():
    J = points(5 * 7, 3).reshape(5, 7, 3)
    frame = orthonormal_frame(J)
    unit = torch.eye(3, dtype=torch.float64).expand(5, -1, -1)
    torch.testing.assert_close(frame.inputs @ J.mT @ J @ frame.inputs.mT, unit)
    torch.testing.assert_close(J @ frame.inputs.mT, frame.features)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("directions", [5, 9])
def test_the_estimate_is_exact_with_as_many_directions_as_inputs(depth, directions):
    phi, x = network_map(20, 5, depth=depth), points(3, 5)
    estimate = estimated_scalar_curvature(phi, x, generator(), directions=directions, frames=3)
    expected = scalar_curvature(phi, x)
    torch.testing.assert_close(estimate.value, expected, rtol=1e-8, atol=1e-8)
    assert (estimate.standard_error < 1e-8 * expected.abs()).all()


@pytest.mark.parametrize("directions", [2, 3])
@pytest.mark.parametrize("normalization", ["features", "none"])
def test_the_estimate_is_unbiased_and_its_standard_error_honest(directions, normalization):
    """400 estimates of 8 frames: their mean within four standard errors, their scatter as large as they say."""
    phi, x = network_map(24, 5, "erf"), points(2, 5)
    exact = scalar_curvature(phi, x, normalization=normalization)
    many = estimated_scalar_curvature(
        phi, x.repeat(400, 1), generator(), directions=directions, frames=8, normalization=normalization
    )
    value, error = many.value.reshape(400, 2), many.standard_error.reshape(400, 2)
    assert ((value.mean(0) - exact).abs() < 4 * value.std(0) / 20).all()
    assert (value.std(0) / 20 < 0.1 * exact.abs()).all()
    torch.testing.assert_close(error.square().mean(0).sqrt(), value.std(0), rtol=0.15, atol=0)


def test_the_error_falls_as_the_root_of_the_frames_and_with_more_directions():
    phi, x = network_map(24, 6, "erf"), points(1, 6).repeat(100, 1)

    def error(directions, frames):
        estimate = estimated_scalar_curvature(phi, x, generator(), directions=directions, frames=frames)
        return float(estimate.standard_error.square().mean().sqrt())

    assert error(2, 10) / error(2, 90) == pytest.approx(3, rel=0.1)
    assert error(4, 10) < 0.5 * error(2, 10)


@pytest.mark.parametrize("memory", [1.0, 1e5])
def test_the_estimate_is_the_same_under_any_budget_that_takes_the_points_together(memory):
    phi, x = network_map(20, 5), points(1, 5)
    small, large = (estimated_scalar_curvature(phi, x, generator(), memory=budget) for budget in (memory, 1e9))
    torch.testing.assert_close(small.value, large.value)


@pytest.mark.parametrize("arguments", [{"frames": 1}, {"directions": 1}])
def test_too_few_frames_or_directions_are_refused(arguments):
    with pytest.raises(ConfigError, match=r"geometry\.(frames|directions)=1: .*give at least 2"):
        estimated_scalar_curvature(network_map(), points(1, 3), generator(), **arguments)
