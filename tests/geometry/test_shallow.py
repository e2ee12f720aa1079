"""Closed forms of one hidden layer against automatic differentiation and the two-dimensional determinant."""

import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.errors import ConfigError
from geomsym.geometry import ShallowMap, feature_map, jacobian, log_volume, metric, scalar_curvature, volume
from geomsym.geometry.shallow import symmetric_curvature

ACTIVATIONS = ["gelu", "erf", "sigmoid", "tanh"]


def shallow(activation: str = "erf", width: int = 12, dimension: int = 4, seed: int = 0):
    model = build(specs("fcn", 3, width=width, depth=1, activation=activation, b_variance=0.3), (1, 1, dimension), seed)
    phi = feature_map(model, (1, 1, dimension))
    assert isinstance(phi, ShallowMap)
    return phi


def points(dimension: int = 4, count: int = 5) -> torch.Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "relu", "linear"])
@pytest.mark.parametrize("memory", [1.0, 1e9])
def test_closed_forms_are_what_differentiation_gives(activation, memory):
    phi, x = shallow(activation), points()

    def generic(y):
        return phi(y)

    torch.testing.assert_close(jacobian(phi, x, memory), jacobian(generic, x), rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(metric(phi, x, memory=memory), metric(generic, x), rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(log_volume(phi, x, memory=memory), log_volume(generic, x), rtol=1e-10, atol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("width", [10, 14, 40])
@pytest.mark.parametrize("normalization", ["features", "none"])
def test_curvature_is_that_of_the_gauss_equation(activation, width, normalization):
    """Widths on both sides of d² = 16 reach both contractions."""
    phi, x = shallow(activation, width), points()
    expected = scalar_curvature(lambda y: phi(y), x, normalization=normalization)
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(scalar_curvature(phi, x, normalization=normalization), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "relu"])
def test_the_determinant_in_two_dimensions(activation):
    """det g = (1/2n²) Σ_jk (w_j1 w_k2 − w_j2 w_k1)² φ'_j² φ'_k² (Zavatone-Veth et al. 2023)."""
    phi, x = shallow(activation, 20, 2), points(2)
    w, slope = phi.weight, phi.slope(phi.preactivation(x))
    areas = (w[:, None, 0] * w[None, :, 1] - w[:, None, 1] * w[None, :, 0]).square()
    determinant = torch.einsum("jk,pj,pk->p", areas, slope**2, slope**2) / (2 * 20**2)
    torch.testing.assert_close(log_volume(phi, x), determinant.log() / 2, rtol=1e-10, atol=0)


def test_the_papers_convention_is_three_times_the_standard():
    phi, x = shallow(), points()
    torch.testing.assert_close(scalar_curvature(phi, x, convention="paper"), 3 * scalar_curvature(phi, x))
    with pytest.raises(ConfigError, match=r"geometry\.convention=paper: is for one dense hidden layer only"):
        scalar_curvature(lambda y: phi(y), x, convention="paper")
    with pytest.raises(ConfigError, match=r"geometry\.convention=papers: .*did you mean 'paper'"):
        scalar_curvature(phi, x, convention="papers")


@pytest.mark.parametrize("width", [3, 8, 9, 20])
def test_both_contractions_of_the_curvature_are_the_definition(width):
    generator = torch.Generator().manual_seed(width)
    c, w = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((width,), (width, 3)))
    T = sum(c[j] * torch.einsum("a,b,c->abc", w[j], w[j], w[j]) for j in range(width))
    trace = torch.einsum("abb->a", T)
    expected = (T.square().sum() - trace.square().sum()) / 4
    torch.testing.assert_close(symmetric_curvature(c, w), expected, rtol=1e-10, atol=1e-10)


def test_curvature_is_undefined_where_too_few_neurons_are_active():
    phi = ShallowMap(torch.eye(3, 2).double(), torch.zeros(3).double(), torch.relu)
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    assert volume(phi, x).rank.tolist() == [2, 1]
    R = scalar_curvature(phi, x)
    assert R[0] == 0 and R[1].isnan()
    assert scalar_curvature(shallow(width=3), points()).isnan().all()
