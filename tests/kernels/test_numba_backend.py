"""The compiled path against the reference, and what it covers."""

import subprocess
import sys

import pytest
import torch

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import Activation, Conv, Dense, Flatten, GlobalAveragePool, LocallyConnected
from geomsym.errors import ConfigError
from geomsym.kernels import Kernels, kernel_matrices, numba_backend

CASES = [
    ("fcn", (3, 8, 8), {}),
    ("fcn", (7, 1, 1), {}),
    ("vec", (3, 8, 8), {}),
    ("vec", (1, 3, 5), {}),
    ("lcn", (2, 4, 4), {}),
    ("gap", (3, 8, 8), {}),
    ("gap", (2, 3, 5), {}),
    ("gap", (2, 5, 3), {}),
    ("gap", (3, 1, 1), {}),
    ("lap", (3, 8, 8), {"window": 4}),
    ("lap", (3, 6, 9), {"window": 3}),
    ("lap", (1, 4, 8), {"window": 4}),
]


def images(n, shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def deviation(layers, x1, x2=None):
    """The largest difference from the reference in float64, relative to the largest value."""
    fast = kernel_matrices(layers, x1.float(), None if x2 is None else x2.float(), backend="numba")
    slow = kernel_matrices(layers, x1.float().double(), None if x2 is None else x2.float().double(), backend="torch")
    return max(
        float((ours.double() - theirs).abs().max() / theirs.abs().max())
        for ours, theirs in ((fast.nngp, slow.nngp), (fast.ntk, slow.ntk))
    )


@pytest.mark.parametrize(("name", "shape", "settings"), CASES)
@pytest.mark.parametrize("depth", [1, 3])
def test_the_compiled_path_is_the_reference(name, shape, settings, depth):
    layers = specs(name, depth=depth, w_variance=1.8, b_variance=0.05, **settings)
    assert numba_backend.supports([layers], images(1, shape).float())
    assert deviation(layers, images(4, shape), images(3, shape, seed=1)) < 1e-6
    assert deviation(layers, images(4, shape)) < 1e-6


def test_the_threads_of_torch_stay_as_they_are():
    """In a process of its own, as numba starts its threads once."""
    code = """
import torch
from geomsym.architectures import specs
from geomsym.kernels import kernel_matrices
for name in ("gap", "fcn"):
    torch.set_num_threads(1)
    kernel_matrices(specs(name, depth=1), torch.ones(2, 3, 2, 2))
    assert torch.get_num_threads() == 1, name
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_variance_is_not_within_the_tolerance():
    """The control of the test above: a change of 1 % shows."""
    x = images(4, (3, 8, 8)).float()
    right, wrong = (kernel_matrices(specs("gap", depth=3, w_variance=v), x).ntk for v in (2.0, 2.02))
    assert ((right - wrong).abs().max() / right.max()) > 1e-3


@pytest.mark.parametrize("name", ["vec", "gap"])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 65])
def test_blocks_of_images_do_not_show(name, n):
    """Several images are taken together; their number need not divide that of all."""
    x1, x2 = images(2, (2, 4, 4)).float(), images(n, (2, 4, 4), seed=1).float()
    layers = specs(name, depth=2)
    whole = kernel_matrices(layers, x1, x2)
    single = torch.cat([kernel_matrices(layers, x1, image[None]).ntk for image in x2], dim=1)
    torch.testing.assert_close(whole.ntk, single, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("name", "settings"), [("fcn", {}), ("vec", {}), ("lap", {"window": 2}), ("gap", {})])
def test_equal_images_have_no_angle_between_them(name, settings):
    """A deep network on images of which two are equal and one is constant: where a rounding error would show most."""
    x = images(4, (3, 8, 8))
    x[2], x[3] = x[0], 0.7
    assert deviation(specs(name, depth=8, **settings), x) < 2e-6


def test_an_image_of_zeros_without_biases():
    x = images(3, (2, 4, 4))
    x[1] = 0
    kernels = kernel_matrices(specs("gap", depth=2, b_variance=0.0), x.float(), backend="numba")
    assert kernels.ntk.isfinite().all() and kernels.ntk[1].abs().max() == 0


@pytest.mark.parametrize(("name", "settings"), [("fcn", {}), ("vec", {}), ("lap", {"window": 2}), ("gap", {})])
@pytest.mark.parametrize("b_variance", [0.0, 0.01])
def test_every_value_is_right_at_every_scale(name, settings, b_variance):
    """Pixels from 1e-15 to 1e15, of images that differ, by a thousandth too, are opposite, or tiny beside huge."""
    x = images(5, (2, 4, 4))
    x = torch.cat([x, x[:1] + 1e-3 * x[1:2], -x[:1], 1e-15 * x[2:3], 1e15 * x[3:4]])
    layers = specs(name, depth=4, b_variance=b_variance, **settings)
    for exponent in (-15, -10, -5, -4, -3, 0, 5, 10, 15):
        scaled = (x[: 9 if exponent == 0 else 7] * 10.0**exponent).float()
        fast, slow = (kernel_matrices(layers, scaled.to(dtype)) for dtype in (torch.float32, torch.float64))
        for ours, theirs in ((fast.nngp, slow.nngp), (fast.ntk, slow.ntk)):
            assert ((ours.double() - theirs) / theirs).abs().max() < 1e-6


@pytest.mark.parametrize("w_variance", [1e-3, 1e3])
def test_variances_that_leave_single_precision_inside_a_network_go_to_the_reference(w_variance):
    x = images(3, (2, 4, 4)).float() * (1e13 if w_variance > 1 else 1e-13)
    layers = specs("vec", depth=5, w_variance=w_variance, b_variance=0.0)
    ours, theirs = (Kernels(backend).matrices(layers, x) for backend in ("numba", "torch"))
    torch.testing.assert_close(ours.ntk, theirs.ntk, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("layers", "dtype"),
    [
        (specs("gap", depth=1), torch.float64),
        (specs("gap", depth=1, padding="zero"), torch.float32),
        (specs("gap", depth=1, kernel_size=5), torch.float32),
        (specs("gap", depth=1, activation="erf"), torch.float32),
        ((LocallyConnected(8), Activation("relu"), GlobalAveragePool(), Dense(1)), torch.float32),
        (specs("fcn", depth=1, activation="gelu"), torch.float32),
        ((Conv(8), Conv(8), Flatten(), Dense(1)), torch.float32),
        ((Conv(8), Activation("relu"), GlobalAveragePool(), Dense(8), Activation("relu"), Dense(1)), torch.float32),
    ],
)
def test_other_networks_go_to_the_reference(layers, dtype):
    x = images(2, (2, 4, 4)).to(dtype)
    assert not numba_backend.supports([layers], x)
    assert kernel_matrices(layers, x).ntk.dtype == dtype
    with pytest.raises(ConfigError, match="backend=numba: covers dense and circular 3×3 layers"):
        kernel_matrices(layers, x, backend="numba")
