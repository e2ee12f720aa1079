"""The path from the identity: its ends, its group law, its speed; the logarithm where it is delicate."""

import math

import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomsym.transforms import RotationPath, sample_path, sample_transform
from geomsym.transforms.haar import haar_orthogonal
from geomsym.transforms.logarithm import skew_logarithm
from geomsym.transforms.path import special_orthogonal

ROTATIONS = {"shared_rotation": (3, 4, 4), "pixel_rotation": (3, 4, 4), "global_rotation": (3, 4, 4)}
everywhere = pytest.mark.parametrize(("name", "shape"), ROTATIONS.items())


def path(name: str, shape: tuple[int, int, int], seed: int = 0) -> RotationPath:
    return sample_path(name, shape, seed)


def eye_like(matrix: torch.Tensor) -> torch.Tensor:
    return torch.eye(matrix.shape[-1], dtype=torch.float64).expand_as(matrix)


@everywhere
def test_it_starts_at_the_identity_exactly(name, shape):
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    start = sample_transform(name, shape, 5, strength=0.0)
    assert torch.equal(start.matrix, eye_like(start.matrix).float())
    assert torch.equal(start(x), x)


@everywhere
def test_it_ends_at_the_haar_element_up_to_one_column(name, shape):
    haar = sample_transform(name, shape, 5, dtype=torch.float64).matrix
    end = sample_transform(name, shape, 5, strength=1.0, dtype=torch.float64).matrix
    torch.testing.assert_close(end, special_orthogonal(haar), rtol=0, atol=1e-12)
    torch.testing.assert_close(end[..., 1:], haar[..., 1:], rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(end), torch.ones(end.shape[:-2], dtype=torch.float64))


def test_reflections_do_occur_so_that_the_end_differs_from_the_element():
    haar = sample_transform("pixel_rotation", (3, 4, 4), dtype=torch.float64).matrix
    determinants = torch.linalg.det(haar).round()
    assert set(determinants.flatten().tolist()) == {-1.0, 1.0}


@everywhere
def test_the_generator_is_skew_and_within_the_principal_branch(name, shape):
    generator = path(name, shape).generator
    assert torch.equal(generator, -generator.mT)
    assert torch.linalg.eigvals(generator).imag.abs().max() <= math.pi + 1e-12


@everywhere
@pytest.mark.parametrize(("s", "t"), [(0.2, 0.3), (0.5, 0.5), (0.9, 0.1)])
def test_one_parameter_group_law(name, shape, s, t):
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tau = path(name, shape)
    torch.testing.assert_close(tau.at(s)(tau.at(t)(x)), tau.at(s + t)(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(tau.at(-s)(x), tau.at(s).inverse(x), rtol=0, atol=1e-12)


@everywhere
def test_strengths_of_one_seed_lie_on_one_path(name, shape):
    for t in (0.1, 0.8):
        alone = sample_transform(name, shape, 2, strength=t, dtype=torch.float64).matrix
        assert torch.equal(alone, path(name, shape, 2).at(t).matrix)


@everywhere
def test_every_point_is_orthogonal(name, shape):
    tau = path(name, shape)
    for t in torch.linspace(0, 1, 11).tolist():
        matrix = tau.at(t).matrix
        assert (matrix @ matrix.mT - eye_like(matrix)).abs().max() < 1e-12


@everywhere
def test_steps_shrink_linearly(name, shape):
    """‖τ_{t+h} − τ_t‖ = ‖exp(−hA) − 1‖ for all t, and h·‖A‖ + O(h²)."""
    tau = path(name, shape)
    speed = torch.linalg.matrix_norm(tau.generator)
    for h in (1e-3, 1e-5):
        for t in (0.0, 0.37, 1 - h):
            step = torch.linalg.matrix_norm(tau.at(t + h).matrix - tau.at(t).matrix)
            torch.testing.assert_close(step / h, speed, rtol=10 * h, atol=1e-8)


def turned(n: int, angles: list[float], seed: int) -> torch.Tensor:
    """A rotation of R^n by the given angles in random orthogonal planes."""
    theta = torch.tensor(angles, dtype=torch.float64)
    cosines, sines = theta.cos(), theta.sin()
    planes = torch.stack([cosines, -sines, sines, cosines], dim=1).reshape(-1, 2, 2)
    canonical = torch.block_diag(*planes, torch.eye(n - 2 * len(angles), dtype=torch.float64))
    basis = haar_orthogonal(n, torch.Generator().manual_seed(seed))
    return basis @ canonical @ basis.T


NEAR = [0.0, 1e-16, 1e-15, 1e-12, 1e-9, 1e-8, 1e-7, 1e-5, 1e-3, 1e-2]


@pytest.mark.parametrize("distance", NEAR)
@pytest.mark.parametrize("n", [2, 3, 4, 7, 30])
@pytest.mark.parametrize("limit", [0.0, math.pi])
def test_logarithm_where_all_angles_crowd(n, distance, limit):
    angles = [abs(limit - distance * (k + 1) / n) for k in range(n // 2)]
    rotation = turned(n, angles, n)
    logarithm = skew_logarithm(rotation)
    torch.testing.assert_close(torch.matrix_exp(logarithm), rotation, rtol=0, atol=1e-12)
    assert torch.equal(logarithm, -logarithm.mT)
    assert torch.linalg.eigvals(logarithm).imag.abs().max() <= math.pi + 1e-12


def test_logarithm_of_the_identity_is_zero():
    assert torch.equal(skew_logarithm(torch.eye(5, dtype=torch.float64)), torch.zeros(5, 5, dtype=torch.float64))


def test_logarithm_of_a_half_turn():
    half_turn = torch.diag(torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64))
    logarithm = skew_logarithm(half_turn)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    expected[2, 0] = math.pi
    torch.testing.assert_close(logarithm.abs(), expected + expected.T, rtol=0, atol=1e-15)


@pytest.mark.parametrize("n", [2, 3, 8, 40])
def test_logarithm_agrees_with_scipys(n):
    rotations = special_orthogonal(haar_orthogonal(n, torch.Generator().manual_seed(n), (4,)))
    for rotation, logarithm in zip(rotations, skew_logarithm(rotations), strict=True):
        reference = torch.as_tensor(scipy.linalg.logm(rotation.numpy()).real)
        torch.testing.assert_close(logarithm, reference, rtol=0, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    angles=st.lists(st.floats(-math.pi, math.pi), min_size=1, max_size=5),
    extra=st.integers(0, 2),
    seed=st.integers(0, 2**31),
)
def test_logarithm_of_any_angles(angles, extra, seed):
    rotation = turned(2 * len(angles) + extra, angles, seed)
    torch.testing.assert_close(torch.matrix_exp(skew_logarithm(rotation)), rotation, rtol=0, atol=1e-11)


def test_reflections_have_no_logarithm():
    reflection = torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    with pytest.raises(ValueError, match="determinant −1"):
        skew_logarithm(reflection)
