"""The elements against their dense matrices, built from basis images and, independently, block by block."""

import pytest
import torch

from geomsym.errors import ConfigError
from geomsym.transforms import GROUPS, Transform, sample_transform

SHAPE = (3, 2, 4)
D, PIXELS = 24, 8
CASES = [(name, None) for name in GROUPS] + [
    (name, t) for name, group in GROUPS.items() if group.is_rotation for t in (0.0, 0.3, 1.0)
]


def dense(tau: Transform) -> torch.Tensor:
    """The matrix of τ, column l the image of the l-th basis image."""
    c, h, w = tau.shape
    basis = torch.eye(c * h * w, dtype=torch.float64)
    return tau(basis.reshape(-1, c, h, w)).reshape(len(basis), -1).T


def images(seed: int, n: int = 5) -> torch.Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sampled(name: str, t: float | None = None, seed: int = 0) -> Transform:
    return sample_transform(name, SHAPE, seed, t, dtype=torch.float64)


def test_the_identity_is_the_identity():
    assert torch.equal(dense(sampled("identity")), torch.eye(D, dtype=torch.float64))


@pytest.mark.parametrize("t", [None, 0.4])
def test_a_shared_rotation_is_a_kronecker_product(t):
    tau = sampled("shared_rotation", t)
    expected = torch.kron(tau.matrix, torch.eye(PIXELS, dtype=torch.float64))
    torch.testing.assert_close(dense(tau), expected, rtol=0, atol=0)


@pytest.mark.parametrize("t", [None, 0.4])
def test_a_pixel_rotation_is_one_block_a_pixel(t):
    tau = sampled("pixel_rotation", t)
    expected = torch.zeros(D, D, dtype=torch.float64)
    for row in range(2):
        for column in range(4):
            coordinates = torch.arange(3) * PIXELS + row * 4 + column
            expected[coordinates[:, None], coordinates] = tau.matrix[row, column]
    torch.testing.assert_close(dense(tau), expected, rtol=0, atol=0)


@pytest.mark.parametrize("t", [None, 0.4])
def test_a_global_rotation_is_its_matrix(t):
    tau = sampled("global_rotation", t)
    torch.testing.assert_close(dense(tau), tau.matrix, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["shared_permutation", "pixel_permutation", "global_permutation"])
def test_a_permutation_has_a_one_in_each_row(name):
    tau = sampled(name)
    expected = torch.zeros(D, D, dtype=torch.float64)
    for k, source in enumerate(tau.index.tolist()):
        expected[k, source] = 1
    assert torch.equal(dense(tau), expected)
    assert sorted(tau.index.tolist()) == list(range(D))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("name", "t"), CASES)
def test_elements_are_orthogonal(name, t, dtype, tolerance):
    # The stored (rounded) numbers are what is judged, so the products are taken in float64.
    matrix = dense(sample_transform(name, SHAPE, 3, t, dtype).to(torch.float64))
    error = (matrix.T @ matrix - torch.eye(D, dtype=torch.float64)).abs().max()
    assert error < tolerance


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 9), (2, 5, 3)])
def test_global_rotations_of_the_usual_sizes_are_orthogonal(shape):
    for t in (None, 0.7):
        matrix = sample_transform("global_rotation", shape, 0, t, torch.float64).matrix
        assert (matrix.T @ matrix - torch.eye(len(matrix), dtype=torch.float64)).abs().max() < 1e-12


@pytest.mark.parametrize(("name", "t"), CASES)
def test_the_inverse_undoes_and_is_undone(name, t):
    tau, x = sampled(name, t), images(1)
    torch.testing.assert_close(tau.inverse(tau(x)), x, rtol=0, atol=1e-12)
    torch.testing.assert_close(tau(tau.inverse(x)), x, rtol=0, atol=1e-12)
    torch.testing.assert_close(tau.inverse.inverse(x), tau(x), rtol=0, atol=0)


@pytest.mark.parametrize(("name", "t"), CASES)
def test_the_adjoint_satisfies_its_definition(name, t):
    tau, x, y = sampled(name, t), images(1), images(2)
    left = torch.einsum("nchw,mchw->nm", tau(x), y)
    right = torch.einsum("nchw,mchw->nm", x, tau.adjoint(y))
    torch.testing.assert_close(left, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "t"), CASES)
def test_derivatives_are_the_map_itself(name, t):
    tau, x, v = sampled(name, t), images(1, 1), images(2, 1)
    _, forward = torch.func.jvp(tau, (x,), (v,))
    torch.testing.assert_close(forward, tau(v), rtol=0, atol=1e-14)
    leaf = x.clone().requires_grad_()
    (tau(leaf) * v).sum().backward()
    torch.testing.assert_close(leaf.grad, tau.adjoint(v), rtol=0, atol=1e-14)
    jacobian = torch.func.jacrev(tau)(x[0]).reshape(D, D)
    torch.testing.assert_close(jacobian, dense(tau), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", GROUPS)
def test_leading_axes_are_free(name):
    tau, x = sampled(name), images(1, 6)
    torch.testing.assert_close(torch.vmap(tau)(x), tau(x), rtol=0, atol=1e-14)
    stacked = tau(x.reshape(2, 3, *SHAPE))
    torch.testing.assert_close(stacked.reshape(x.shape), tau(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", GROUPS)
def test_images_that_are_not_contiguous_are_transformed_alike(name):
    tau, x = sampled(name), images(1)
    strided = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(tau(strided), tau(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("wrong", [(5, 3, 4, 2), (5, 3, 8), (5, 1, 2, 4), (24,)])
def test_other_shapes_are_refused_with_both_shapes(name, wrong):
    with pytest.raises(ConfigError, match=r"images\.shape=\[.*\[n, 3, 2, 4\]") as caught:
        sampled(name)(torch.zeros(wrong))
    assert str(list(wrong)) in str(caught.value)


@pytest.mark.parametrize("name", GROUPS)
def test_casting_rounds_the_float64_element(name):
    exact, rounded = sampled(name), sample_transform(name, SHAPE, 0)
    x = images(1)
    assert rounded(x.float()).dtype == torch.float32
    torch.testing.assert_close(rounded(x.float()), exact(x).float(), rtol=0, atol=3e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("name", "t"), CASES)
def test_the_element_is_the_same_on_a_gpu(name, t):
    there = sample_transform(name, SHAPE, 0, t, torch.float64, "cuda")
    x = images(1)
    torch.testing.assert_close(there(x.cuda()).cpu(), sampled(name, t)(x), rtol=0, atol=1e-13)
