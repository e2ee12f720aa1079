"""Kernels of whole networks: against reference values, a slow recursion, wide random networks, and the theorem."""

from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Activation, Conv, Dense, Flatten, GlobalAveragePool
from geomsym.errors import ConfigError, DataError
from geomsym.kernels import kernel_matrices
from geomsym.kernels.backends import tile_side
from geomsym.kernels.dual import DUALS
from geomsym.transforms import sample_transform

REFERENCE = Path(__file__).parents[1] / "reference" / "kernels_neural_tangents.npz"
FAMILIES = {"fcn": {}, "lcn": {}, "vec": {}, "lap": {"window": 2}, "gap": {}}


def images(n, shape=(3, 4, 4), seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference_cases():
    """The cases of the reference file; those with many planes are slow."""
    cases = [case.split(",") for case in np.load(REFERENCE)["cases"]]
    return [pytest.param(c, id="-".join(c), marks=[pytest.mark.slow] * (c[1:5] in SLOW)) for c in cases]


SLOW = [["gap", "16", "8", "circular"], ["gap", "8", "8", "circular"], ["gap", "8", "8", "zero"]]
SLOW += [["lap4", "8", "8", "circular"], ["lap4", "8", "8", "zero"]]


def reference_specs(case):
    _, name, _, depth, padding, w_variance, b_variance, activation = case
    window = {"window": int(name[3:])} if name.startswith("lap") else {}
    return specs(
        "lap" if window else name,
        depth=int(depth),
        padding="circular" if padding == "none" else padding,
        w_variance=float(w_variance),
        b_variance=float(b_variance),
        activation=activation,
        **window,
    )


@pytest.mark.parametrize("case", reference_cases())
def test_neural_tangents(case):
    """To 1e-10 off the diagonal, 1e-6 in float32.

    On the diagonal of Θ the reference itself is off by up to 1.2e-7: the angle between equal inputs comes out as the
    root of a rounding error. The next test has the exact values.
    """
    index, side = case[0], case[2]
    file = np.load(REFERENCE)
    x1, x2 = (torch.from_numpy(file[f"x{k}_{side}"]).double() for k in (1, 2))
    layers = reference_specs(case)
    off_diagonal = ~np.eye(len(x1), dtype=bool)
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-6)):
        own = kernel_matrices(layers, x1.to(dtype))
        cross = kernel_matrices(layers, x1.to(dtype), x2.to(dtype))
        for name in ("nngp", "ntk"):
            ours, theirs = getattr(own, name).numpy(), file[f"{index}_{name}11"]
            scale = np.abs(theirs).max()
            assert np.abs(ours - theirs)[off_diagonal].max() < tolerance * scale
            assert np.abs(ours - theirs).max() < max(tolerance, 2e-7) * scale
            assert np.abs(getattr(cross, name).numpy() - file[f"{index}_{name}12"]).max() < tolerance * scale


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_diagonal_of_a_fully_connected_relu_network_in_closed_form(dtype):
    """q ← σ_w² q/2 + σ_b² and Θ ← q + σ_w² Θ/2, without any angle; two equal images are as good as one with itself."""
    x = images(3, (3, 16, 16))
    q = (x**2).mean((1, 2, 3)) * 2 + 0.01
    theta = q.clone()
    for _ in range(8):
        q = 2 * q / 2 + 0.01
        theta = q + 2 * theta / 2
    kernels = kernel_matrices(specs("fcn", depth=8), x.to(dtype))
    rounding = 40 * torch.finfo(dtype).eps
    torch.testing.assert_close(kernels.nngp.diagonal().double(), q, rtol=rounding, atol=0)
    torch.testing.assert_close(kernels.ntk.diagonal().double(), theta, rtol=rounding, atol=0)
    again = kernel_matrices(specs("fcn", depth=8), x.to(dtype), x[[2, 0]].to(dtype))
    torch.testing.assert_close(again.ntk[[2, 0], [0, 1]].double(), theta[[2, 0]], rtol=rounding, atol=0)


def slow_kernels(layers, x1, x2):
    """NNGP and NTK of a convolutional network by the full four-index recursion over pairs of positions."""

    def pairs(a, b):
        K = torch.einsum("icp,jcq->ijpq", a.flatten(2), b.flatten(2)) / a.shape[1]
        return K, torch.zeros_like(K)

    (h, w), blocks = x1.shape[2:], [(x1, x1), (x1, x2), (x2, x2)]
    states = [pairs(a, b) for a, b in blocks]
    for spec in layers:
        variances = [states[k][0].diagonal(dim1=0, dim2=1).diagonal(dim1=0, dim2=1) for k in (0, 2)]
        if isinstance(spec, Conv):
            taps = tap_matrices(h, w, spec.kernel_size, spec.padding)
            states = [convolve(spec, taps, *state) for state in states]
        elif isinstance(spec, Activation):
            v = [variances[0], variances[1]]
            sides = [(v[0], v[0]), (v[0], v[1]), (v[1], v[1])]
            states = [activate(spec, *state, *side) for state, side in zip(states, sides, strict=True)]
        elif isinstance(spec, GlobalAveragePool):
            return tuple(value.mean((2, 3)) for value in states[1])
        elif isinstance(spec, Flatten):
            return tuple(value.diagonal(dim1=2, dim2=3).mean(-1) for value in states[1])
    raise AssertionError


def tap_matrices(h, w, k, padding):
    """For every tap the matrix [h·w, h·w] that picks the value at α + β; rows of taps outside are 0."""
    result = []
    for i in range(-(k // 2), k // 2 + 1):
        for j in range(-(k // 2), k // 2 + 1):
            S = torch.zeros(h * w, h * w, dtype=torch.float64)
            for a in range(h):
                for b in range(w):
                    if padding == "circular" or (0 <= a + i < h and 0 <= b + j < w):
                        S[a * w + b, (a + i) % h * w + (b + j) % w] = 1
            result.append(S)
    return result


def convolve(spec, taps, K, Theta):
    def mean(value):
        return spec.w_variance * sum(torch.einsum("pr,ijrs,qs->ijpq", S, value, S) for S in taps) / len(taps)

    new = mean(K) + spec.b_variance
    return new, new + mean(Theta)


def activate(spec, K, Theta, q, q2):
    F, slope = DUALS[spec.name](K, q[:, None, :, None], q2[None, :, None, :])
    return F, Theta * slope


NETWORKS = [("vec", (3, 4), 3), ("gap", (3, 4), 3), ("gap", (5, 5), 5)]
RECURSIONS = [
    pytest.param(*network, activation, marks=[pytest.mark.slow] if (network[1], activation) == ((5, 5), "tanh") else [])
    for network, activation in product(NETWORKS, ["relu", "erf", "gelu", "tanh"])
]


@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize(("name", "size", "kernel_size", "activation"), RECURSIONS)
def test_planes_are_the_four_index_recursion(name, size, kernel_size, activation, padding):
    x1, x2 = images(2, (2, *size)), images(3, (2, *size), seed=1)
    layers = specs(name, depth=2, activation=activation, kernel_size=kernel_size, padding=padding, w_variance=1.7)
    K, Theta = slow_kernels(layers, x1, x2)
    readout = layers[-1]
    kernels = kernel_matrices(layers, x1, x2)
    K = readout.w_variance * K + readout.b_variance
    torch.testing.assert_close(kernels.nngp, K, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(kernels.ntk, K + readout.w_variance * Theta, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("padding", ["circular", "zero"])
def test_windows_between_none_and_all(padding):
    """A window of one position is VEC, one of the whole image GAP: two routes."""
    x = images(3)
    for window, name in ((1, "vec"), (4, "gap")):
        lap, other = (kernel_matrices(specs(n, depth=2, padding=padding, window=window), x) for n in ("lap", name))
        torch.testing.assert_close(lap.ntk, other.ntk, rtol=1e-13, atol=0)


def test_lcn_has_the_kernels_of_vec():
    x1, x2 = images(3), images(2, seed=1)
    lcn, vec = (kernel_matrices(specs(name, depth=3), x1, x2) for name in ("lcn", "vec"))
    assert torch.equal(lcn.nngp, vec.nngp) and torch.equal(lcn.ntk, vec.ntk)


def test_layers_behind_the_readout():
    """A network on pooled images is a fully connected one on the pooled covariances: again two routes."""
    x = images(4, (5, 1, 1))
    deep = (Conv(8, kernel_size=1), Activation("relu"), GlobalAveragePool(), Dense(8), Activation("relu"), Dense(1))
    flat = (Flatten(), Dense(8), Activation("relu"), Dense(8), Activation("relu"), Dense(1))
    ours, theirs = kernel_matrices(deep, x), kernel_matrices(flat, x)
    torch.testing.assert_close(ours.nngp, theirs.nngp, rtol=1e-13, atol=0)
    torch.testing.assert_close(ours.ntk, theirs.ntk, rtol=1e-13, atol=0)


def empirical_ntk(layers, x, seed):
    """The finite network's tangent kernel [n, n], the mean over its outputs."""
    network = build(layers, tuple(x.shape[1:]), seed, torch.float64)
    parameters = {name: value.detach() for name, value in network.named_parameters()}
    jacobian = jacrev(lambda values: functional_call(network, values, (x,)))(parameters)
    flat = torch.cat([value.flatten(2) for value in jacobian.values()], dim=2)
    return torch.einsum("iop,jop->ij", flat, flat) / flat.shape[1]


@pytest.mark.parametrize("name", FAMILIES)
def test_tangent_kernels_of_wide_networks_approach_it_as_one_over_the_root_of_the_width(name):
    x, widths = images(2), (8, 32, 128) if name != "lcn" else (4, 16, 64)
    settings = dict(depth=2, activation="erf", **FAMILIES[name])
    exact = kernel_matrices(specs(name, **settings), x).ntk
    deviations = []
    for width in widths:
        layers = specs(name, width=width, outputs=4, **settings)
        errors = [(empirical_ntk(layers, x, seed) - exact).norm() for seed in range(12)]
        deviations.append(float(torch.stack(errors).square().mean().sqrt() / exact.norm()))
    slope = np.polyfit(np.log(widths), np.log(deviations), 1)[0]
    assert -0.75 < slope < -0.3 and deviations[-1] < 0.2


def test_the_wrong_variance_is_far_from_wide_networks():
    """The control of the test above."""
    x = images(2)
    layers = specs("gap", width=128, outputs=4, depth=2, activation="erf")
    mean = torch.stack([empirical_ntk(layers, x, seed) for seed in range(12)]).mean(0)
    right, wrong = (kernel_matrices(specs("gap", depth=2, activation="erf", w_variance=v), x).ntk for v in (2.0, 1.5))
    assert (mean - wrong).norm() > 5 * (mean - right).norm()


INVARIANT = {
    "fcn": ["shared_rotation", "pixel_rotation", "global_permutation", "global_rotation"],
    "lcn": ["shared_rotation", "pixel_rotation", "pixel_permutation"],
    "vec": ["shared_rotation", "pixel_rotation", "pixel_permutation"],
    "lap": ["shared_rotation", "shared_permutation"],
    "gap": ["shared_rotation", "shared_permutation"],
}
NEXT_LARGER = {"lcn": "global_permutation", "vec": "global_rotation", "lap": "pixel_rotation", "gap": "pixel_rotation"}


def change(name, group):
    """How much a transform of both images changes the kernels, relative to their size."""
    x1, x2 = images(3), images(2, seed=1)
    tau = sample_transform(group, (3, 4, 4), seed=5, dtype=torch.float64)
    layers = specs(name, depth=2, **FAMILIES[name])
    plain, moved = kernel_matrices(layers, x1, x2), kernel_matrices(layers, tau(x1), tau(x2))
    return float(((moved.ntk - plain.ntk).norm() + (moved.nngp - plain.nngp).norm()) / plain.ntk.norm())


@pytest.mark.parametrize(("name", "group"), [(name, group) for name, groups in INVARIANT.items() for group in groups])
def test_kernels_are_invariant_under_the_groups_of_theorem_4_1(name, group):
    assert change(name, group) < 1e-12


@pytest.mark.parametrize(("name", "group"), NEXT_LARGER.items())
def test_the_next_larger_group_changes_them(name, group):
    assert change(name, group) > 1e-3


def test_tiles_do_not_show_and_symmetric_matrices_are_symmetric():
    x = images(7)
    whole = kernel_matrices(specs("gap", depth=2), x)
    budget = 3 * 3 * 16 * 12 * 8
    tiled = kernel_matrices(specs("gap", depth=2), x, memory=budget)
    assert tile_side(specs("gap", depth=2), x, budget) == 2  # the power of two below 3
    for ours, theirs in ((tiled.nngp, whole.nngp), (tiled.ntk, whole.ntk)):
        assert torch.equal(ours, ours.mT)
        torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=0)
        assert torch.linalg.eigvalsh(ours).min() > -1e-12 * ours.trace()


@pytest.mark.parametrize(
    ("x1", "x2", "message"),
    [
        (images(2)[0], None, "x1: .* of 3 axes; give floating-point images"),
        (images(2).long(), None, "x1: .* int64 of 4 axes"),
        (images(0), None, "x1: empty"),
        (images(2) / 0, None, "x1: image 0 has values that are nan or infinite"),
        (
            images(2),
            images(2, (3, 4, 5)),
            r"x2: images are \[3, 4, 5\] .* x1 are \[3, 4, 4\] float64",
        ),
        (images(2), images(2).float(), "x2: images are .* float32, but those of x1 are .* float64"),
    ],
)
def test_arrays_that_are_no_images_are_refused(x1, x2, message):
    with pytest.raises(DataError, match=message):
        kernel_matrices(specs("gap", depth=1), x1, x2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(specs, "lap", depth=1, window=3), "architecture.window=3: does not divide the 4×4 image"),
        (partial(specs, "gap", depth=1, kernel_size=11), "architecture.kernel_size=11"),
    ],
)
def test_layers_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        kernel_matrices(call(), images(2))


def test_an_unknown_backend_is_refused():
    with pytest.raises(ConfigError, match="backend=tpu: not one of numba, torch"):
        kernel_matrices(specs("fcn"), images(2), backend="tpu")
