"""Metric and volume element: closed forms, coordinate changes, and the policy for ranks."""

from math import log, prod

import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.errors import ConfigError, DataError
from geomsym.geometry import feature_map, jacobian_volume, log_volume, metric, slice_volume, volume
from geomsym.geometry.volume import _condition_bound
from marks import slow

FAMILIES = ["fcn", "lcn", "vec", "lap", "gap"]


def gaussian(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_spectrum(values, rows: int, columns: int) -> torch.Tensor:
    """A random matrix [1, rows, columns] with given singular values."""
    left = torch.linalg.qr(gaussian(rows, len(values), seed=2)).Q
    right = torch.linalg.qr(gaussian(columns, len(values), seed=3)).Q
    return (left * torch.tensor(values, dtype=torch.float64) @ right.mT)[None]


def deep(width: int = 30, dimension: int = 6):
    layers = specs("fcn", 3, width=width, depth=3, activation="tanh")
    return feature_map(build(layers, (1, 1, dimension), 0), (1, 1, dimension))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("normalization", ["features", *slow("none")])
def test_metric_and_volume_are_those_of_the_jacobian(name, normalization):
    model = build(
        specs(name, 3, width=40, depth=2, window=2, activation="erf"), (1, 3, 4) if name == "fcn" else (1, 4, 4)
    )
    shape = (1, 3, 4) if name == "fcn" else (1, 4, 4)
    phi, x = feature_map(model, shape), gaussian(3, prod(shape))
    J = torch.stack([torch.autograd.functional.jacobian(phi, point) for point in x])
    g = J.mT @ J / (J.shape[1] if normalization == "features" else 1)
    torch.testing.assert_close(metric(phi, x, normalization=normalization), g)
    expected = torch.linalg.slogdet(g).logabsdet / 2
    assert expected.std() > 1e-3
    torch.testing.assert_close(log_volume(phi, x, normalization=normalization), expected, rtol=1e-9, atol=0)
    found = volume(phi, x, normalization=normalization)
    torch.testing.assert_close(found.log_volume, expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(found.spectrum.square().flip(1), torch.linalg.eigvalsh(g), rtol=1e-8, atol=0)


def test_a_linear_map_has_the_product_of_its_singular_values():
    J = with_spectrum([5.0, 2.0, 0.5], 7, 3)[0]
    found = log_volume(lambda x: J @ x, gaussian(4, 3), normalization="none")
    torch.testing.assert_close(found, torch.full((4,), log(5)).double())


def test_a_change_of_coordinates_adds_its_log_determinant():
    phi, x, A = deep(), gaussian(4, 6), gaussian(6, 6, seed=5)
    changed = log_volume(lambda y: phi(A @ y), torch.linalg.solve(A, x.mT).mT)
    expected = log_volume(phi, x) + torch.linalg.slogdet(A).logabsdet
    torch.testing.assert_close(changed, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (300, 200), (200, 300)])
def test_both_routes_and_both_sides_give_the_known_spectrum(shape):
    """A condition number of 100 is read from the Gram matrix, one of 1e6 from J."""
    for smallest in (1e-2, 1e-6):
        values = torch.logspace(0, log(smallest, 10), min(shape), dtype=torch.float64)
        found = jacobian_volume(with_spectrum(values.tolist(), *shape), normalization="none")
        torch.testing.assert_close(found.spectrum[0], values, rtol=1e-8, atol=0)
        torch.testing.assert_close(found.log_volume[0], values.log().sum(), rtol=1e-10, atol=0)
        assert found.rank.tolist() == found.kept.tolist() == [min(shape)]


@pytest.mark.parametrize("condition", [1e3, 1e5, 1e7, 1e9, 1e11])
def test_the_smallest_singular_value_is_right_at_any_condition(condition):
    """JᵀJ alone would lose it: at 1e9 its square is below the rounding error."""
    J = with_spectrum([1.0, 0.3, 1 / condition], 12, 3)
    found = jacobian_volume(J, floor=1e-12, normalization="none")
    assert float(found.log_volume) == pytest.approx(log(0.3 / condition), abs=1e-3)
    assert found.rank.item() == 3
    assert (
        jacobian_volume(J, floor=1e-12, spectrum=False, normalization="none").log_volume == found.log_volume
        or condition < 1e5
    )


@pytest.mark.parametrize("size", [1, 2, 10, 300])
@pytest.mark.parametrize("condition", [1.0, 30.0, 1e5])
def test_the_bound_on_the_condition_is_one_and_not_far_off(size, condition):
    values = torch.logspace(0, log(condition, 10) if size > 1 else 0, size, dtype=torch.float64)
    Q = torch.linalg.qr(gaussian(20, size, size)).Q
    factor, failed = torch.linalg.cholesky_ex(Q * values.square() @ Q.mT)
    bound, actual = _condition_bound(factor, failed), values.max() / values.min()
    assert (bound >= actual).all() and (bound <= 10 * actual).all()


@pytest.mark.parametrize(("floor", "rank"), [(0.0, 4), (1e-8, 3), (1e-3, 2), (0.05, 1)])
def test_values_at_the_floor_or_below_are_not_counted(floor, rank):
    values = [2.0, 0.02, 2e-5, 2e-10]
    for spectrum in (True, False):
        found = jacobian_volume(with_spectrum(values, 6, 4), floor=floor, spectrum=spectrum, normalization="none")
        assert found.rank.item() == found.kept.item() == rank and found.floor == floor
        assert float(found.log_volume) == pytest.approx(sum(map(log, values[:rank])), abs=1e-5)
        assert (found.spectrum is not None) == spectrum


@pytest.mark.parametrize(("top_k", "kept"), [(1, 1), (2, 2), (3, 3), (10, 3), (None, 3)])
def test_top_k_keeps_the_largest(top_k, kept):
    values = [2.0, 0.5, 0.1]
    for spectrum in (True, False):
        found = jacobian_volume(with_spectrum(values, 6, 4), top_k=top_k, spectrum=spectrum, normalization="none")
        assert (found.rank.item(), found.kept.item(), found.top_k) == (3, kept, top_k)
        assert float(found.log_volume) == pytest.approx(sum(map(log, values[:kept])), abs=1e-12)


@pytest.mark.parametrize("memory", [1.0, 1e9])
def test_ranks_differ_from_point_to_point(memory):
    """Regular, singular and dead points of one map, in one block and in three."""
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]], dtype=torch.float64)
    found = volume(torch.relu, x, normalization="none", memory=memory)
    assert found.rank.tolist() == found.kept.tolist() == [2, 1, 0]
    assert found.log_volume.tolist() == [0, 0, -torch.inf]
    assert found.spectrum.tolist() == [[1, 1], [1, 0], [0, 0]]
    assert log_volume(torch.relu, x, normalization="none", memory=memory).tolist() == [0, 0, -torch.inf]


def test_fewer_features_than_inputs_have_the_volume_of_what_they_see():
    phi, x = deep(width=4), gaussian(3, 6)
    J = torch.stack([torch.autograd.functional.jacobian(phi, point) for point in x])
    expected = torch.linalg.slogdet(J @ J.mT / 4).logabsdet / 2
    found = volume(phi, x)
    assert found.rank.tolist() == [4, 4, 4] and found.spectrum.shape == (3, 4)
    torch.testing.assert_close(found.log_volume, expected)


@pytest.mark.parametrize("directions", [1, 2, 3])
@pytest.mark.parametrize("memory", [1.0, 1e9])
def test_slices_have_the_pulled_back_metric(directions, memory):
    phi, x, T = deep(), gaussian(5, 6), gaussian(5, directions, 6, seed=4)
    expected = torch.linalg.slogdet(T @ metric(phi, x) @ T.mT).logabsdet / 2
    found = slice_volume(phi, x, T, memory=memory)
    torch.testing.assert_close(found.log_volume, expected)
    assert found.rank.tolist() == [directions] * 5


def test_a_slice_along_which_nothing_changes_has_rank_zero():
    x = -torch.ones(1, 2, dtype=torch.float64)
    found = slice_volume(torch.relu, x, torch.ones(1, 1, 2, dtype=torch.float64))
    assert (found.rank.item(), found.log_volume.item()) == (0, -torch.inf)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"floor": 1.0}, "floor"),
        ({"floor": -0.1}, "floor"),
        ({"top_k": 0}, "top_k"),
        ({"normalization": "n"}, "normaliz"),
    ],
)
def test_policies_that_make_no_sense_are_refused(arguments, key):
    with pytest.raises(ConfigError, match=rf"geometry\.{key}"):
        log_volume(deep(), gaussian(1, 6), **arguments)


@pytest.mark.parametrize("shape", [(5, 6), (4, 1, 6), (5, 1, 7), (5, 0, 6)])
def test_tangents_that_do_not_fit_are_refused(shape):
    with pytest.raises(DataError, match=r"give float64 \[5, k, 6\]"):
        slice_volume(deep(), gaussian(5, 6), gaussian(*shape))


@pytest.mark.parametrize("memory", [1.0, 1e9])
def test_a_diverged_map_is_an_error_that_names_the_point(memory):
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    with pytest.raises(ArithmeticError, match="point 1: the Jacobian has values that aren't finite"):
        volume(torch.sqrt, x, memory=memory)
    with pytest.raises(ArithmeticError, match="point 1: the Jacobian has values that aren't finite"):
        slice_volume(torch.sqrt, x, x[:, None], memory=memory)
