"""Haar measure by its moments, permutations by χ²; each beside a sampler that has to fail."""

import itertools

import pytest
import scipy.stats
import torch

from geomsym.transforms.haar import haar_orthogonal, uniform_permutations
from geomsym.transforms.path import special_orthogonal

COUNT = 20_000
SIGMAS = 5.0  # a sound sampler leaves this band once in a million


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def deviations(q: torch.Tensor) -> dict[str, float]:
    """Distance of each sample moment of q [N, n, n] from Haar's on O(n), in standard errors of the mean."""
    n = q.shape[-1]
    trace = q.diagonal(dim1=1, dim2=2).sum(1)
    moments = {f"q{i}{j}": (q[:, i, j], 0.0) for i in range(n) for j in range(n)}
    moments |= {f"q{i}{j}^2": (q[:, i, j] ** 2, 1 / n) for i in range(n) for j in range(n)}
    moments |= {
        "q00^4": (q[:, 0, 0] ** 4, 3 / (n * (n + 2))),
        "q00^2 q01^2": (q[:, 0, 0] ** 2 * q[:, 0, 1] ** 2, 1 / (n * (n + 2))),
        "q00^2 q11^2": (q[:, 0, 0] ** 2 * q[:, 1, 1] ** 2, (n + 1) / (n * (n - 1) * (n + 2))),
        "q00 q11": (q[:, 0, 0] * q[:, 1, 1], 0.0),
        "trace": (trace, 0.0),
        "trace^2": (trace**2, 1.0),
        "determinant": (torch.linalg.det(q), 0.0),
    }
    return {
        name: float((value.mean() - expected).abs() / (value.std() / len(q) ** 0.5))
        for name, (value, expected) in moments.items()
    }


@pytest.mark.parametrize("n", [2, 3, 5])
def test_moments_are_haars(n):
    worst = max(deviations(haar_orthogonal(n, generator(n), (COUNT,))).items(), key=lambda item: item[1])
    assert worst[1] < SIGMAS, worst


@pytest.mark.parametrize("n", [2, 3, 5])
def test_moments_tell_a_qr_without_sign_correction(n):
    gaussian = torch.randn(COUNT, n, n, generator=generator(n), dtype=torch.float64)
    assert deviations(torch.linalg.qr(gaussian).Q)["q00"] > 10 * SIGMAS


@pytest.mark.parametrize("n", [1, 3, 4])
def test_both_determinants_occur_equally_often(n):
    determinants = torch.linalg.det(haar_orthogonal(n, generator(7), (COUNT,)))
    torch.testing.assert_close(determinants.abs(), torch.ones_like(determinants), rtol=0, atol=1e-12)
    assert scipy.stats.binomtest(int((determinants > 0).sum()), COUNT).pvalue > 1e-5


def angles(q: torch.Tensor) -> torch.Tensor:
    """The angles in [0, π] of rotations [N, 3, 3]: trace = 1 + 2·cos θ."""
    return torch.acos(((q.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1))


def haar_angle_cdf(theta):
    return (theta - torch.sin(torch.as_tensor(theta)).numpy()) / torch.pi


def test_angles_of_the_paths_ends_are_haars_on_so3():
    rotations = special_orthogonal(haar_orthogonal(3, generator(1), (COUNT,)))
    assert (torch.linalg.det(rotations) - 1).abs().max() < 1e-12
    assert scipy.stats.kstest(angles(rotations).numpy(), haar_angle_cdf).pvalue > 1e-5


def test_angles_tell_a_gaussian_skew_generator():
    skew = torch.randn(COUNT, 3, 3, generator=generator(1), dtype=torch.float64)
    rotations = torch.matrix_exp((skew - skew.mT) / 2)
    assert scipy.stats.kstest(angles(rotations).numpy(), haar_angle_cdf).pvalue < 1e-20


def uniformity(permutations: torch.Tensor) -> float:
    """The p-value of χ² for uniform permutations [N, n]."""
    orders = {order: 0 for order in itertools.permutations(range(permutations.shape[1]))}
    for order in permutations.tolist():
        orders[tuple(order)] += 1
    return scipy.stats.chisquare(list(orders.values())).pvalue


@pytest.mark.parametrize("n", [2, 3, 4])
def test_permutations_are_uniform(n):
    assert uniformity(uniform_permutations(n, generator(n), (COUNT,))) > 1e-5


def test_uniformity_tells_a_naive_shuffle():
    # Swapping each entry with any other gives 27 equal outcomes for 6 permutations, so it can't be uniform.
    partners = torch.randint(3, (COUNT, 3), generator=generator(0))
    shuffled = torch.arange(3).repeat(COUNT, 1)
    for i in range(3):
        rows, j = torch.arange(COUNT), partners[:, i]
        shuffled[rows, j], shuffled[:, i] = shuffled[:, i].clone(), shuffled[rows, j].clone()
    assert uniformity(shuffled) < 1e-20
