"""Equal images: K is their variance to the last bit, behind every layer, whatever the filters, padding and shapes."""

import pytest
import torch

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import Activation, Dense
from geomsym.kernels import Kernels, kernel_matrices
from geomsym.kernels.dual import DUALS
from geomsym.kernels.recursion import box_mean, input_planes, propagate


def images(n, shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def planes_behind(layers, x1, x2, displacement=(0, 0), circular=True):
    """The states behind every layer of convolutions and activations."""
    states = [input_planes(x1, x2, displacement, circular)]
    for layer in layers:
        states.append(propagate(layer, states[-1]))
    return states


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize("kernel_size", [3, 5, 7, 9])
@pytest.mark.parametrize("activation", DUALS)
def test_the_covariance_of_equal_images_is_their_variance_to_the_last_bit(dtype, padding, kernel_size, activation):
    body = specs("vec", depth=3, kernel_size=kernel_size, padding=padding, activation=activation, w_variance=1.7)[:-2]
    for n, size in ((1, (5, 9)), (2, (8, 8)), (5, (7, 5))):
        x = images(n, (3, *size)).to(dtype)
        for state in planes_behind(body, x, x.clone(), circular=padding == "circular"):
            here = state.K.diagonal(dim1=0, dim2=1).movedim(-1, 0)
            assert torch.equal(here, state.q[:, 0]) and torch.equal(here, state.q2[0])


@pytest.mark.parametrize("displacement", [(0, 1), (2, 3), (4, 0)])
@pytest.mark.parametrize("activation", DUALS)
def test_patches_of_constant_images_are_equal_at_every_displacement(displacement, activation):
    x = torch.tensor([0.3, 0.7]).double()[:, None, None, None].expand(2, 3, 5, 6)
    body = specs("vec", depth=3, kernel_size=5, activation=activation)[:-2]
    for state in planes_behind(body, x, x, displacement):
        assert torch.equal(state.K.diagonal(dim1=0, dim2=1).movedim(-1, 0), state.q[:, 0])


@pytest.mark.parametrize("kernel_size", [3, 5, 7, 9])
def test_the_mean_over_taps_does_not_depend_on_the_shape_of_the_batch(kernel_size):
    x = images(6, (1, 9, 9)).float()
    one = box_mean(x, kernel_size, "circular")
    assert torch.equal(box_mean(x.expand(6, 7, 9, 9), kernel_size, "circular"), one.expand(6, 7, 9, 9))
    for k in range(6):
        assert torch.equal(box_mean(x[k : k + 1], kernel_size, "circular"), one[k : k + 1])


@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize("activation", ["relu", "erf", "gelu", "tanh"])
@pytest.mark.parametrize("pool", ["vec", "gap"])
def test_equal_images_are_one_image_for_every_matrix(padding, activation, pool):
    """Rows, columns and the diagonal, with activations behind the readout, in one set and between two."""
    layers = specs(pool, depth=1, padding=padding, activation=activation)
    head = (Dense(8), Activation(activation), Dense(1))
    for network in (layers, (*layers[:-1], *head)):
        x = images(5, (2, 3, 2))
        x[3], x[4] = x[0], x[0]
        for matrix in (kernels := kernel_matrices(network, x)).nngp, kernels.ntk:
            assert torch.equal(matrix[3], matrix[0]) and torch.equal(matrix[:, 4], matrix[:, 0])
            assert matrix[0, 3] == matrix[0, 0] == matrix[3, 4]
        between = kernel_matrices(network, x[:3], x[3:])
        torch.testing.assert_close(between.ntk[0], kernels.ntk[0, 3:], rtol=1e-14, atol=0)
        torch.testing.assert_close(between.nngp[0], kernels.nngp[0, 3:], rtol=1e-14, atol=0)


@pytest.mark.parametrize("layers", [specs("lap", depth=4, window=2), specs("gap", depth=4), specs("fcn", depth=4)])
def test_equal_images_between_two_sets_on_the_compiled_path(layers):
    x = images(3, (3, 4, 4)).float()
    own, cross = kernel_matrices(layers, x, backend="numba"), kernel_matrices(layers, x, x[[2, 0]], backend="numba")
    torch.testing.assert_close(cross.ntk, own.ntk[:, [2, 0]], rtol=3e-7, atol=0)


def test_zero_and_minus_zero_are_the_same_pixel():
    x = images(2, (1, 2, 2))
    x[:, 0, 0, 0] = torch.tensor([0.0, -0.0])
    x[1, 0, 0, 1:], x[1, 0, 1] = x[0, 0, 0, 1:], x[0, 0, 1]
    matrix = Kernels().matrices(specs("fcn", depth=3), x).ntk
    assert torch.equal(matrix, matrix[0, 0].expand(2, 2))
