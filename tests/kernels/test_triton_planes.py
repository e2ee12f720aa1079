"""The kernel for GPUs against the recursion in float64; compiled on a GPU, else run by Triton's interpreter."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from geomsym.architectures import specs
from geomsym.architectures.layer_specs import Conv
from geomsym.errors import ConfigError
from geomsym.kernels import kernel_matrices, triton_backend
from geomsym.kernels.readout import axis_pairs
from geomsym.kernels.recursion import input_planes, propagate
from marks import slow

triton = pytest.importorskip("triton")

MODULE = "geomsym.kernels.triton_planes"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
REFERENCE = Path(__file__).parents[1] / "reference" / "kernels_neural_tangents.npz"


@pytest.fixture(scope="module")
def triton_planes():
    """The module; without a GPU for the interpreter, and only while these tests run.

    Whether a function is compiled or interpreted is settled when it is decorated: here, and for sums in Triton itself.
    """
    if DEVICE == "cuda":
        yield importlib.import_module(MODULE)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        patch.setattr(triton.language, "sum", triton.jit(triton.language.sum.fn))
        patch.delitem(sys.modules, MODULE, raising=False)
        module = importlib.import_module(MODULE)
        skip_without_loops(module)
        yield module
        delattr(sys.modules["geomsym.kernels"], "triton_planes")
        del sys.modules[MODULE]


def skip_without_loops(module):
    """The interpreter of Triton 3.6 turns an array of one number into the length of a loop, which NumPy 2.4 refuses."""
    try:
        module.plane_sums(*arguments(body_of(), images(1, (1, 2, 2)), images(1, (1, 2, 2)), [(1, 1)]))
    except triton.runtime.errors.InterpreterError as error:
        if "only 0-dimensional arrays" in str(error):
            pytest.skip("the interpreter of this Triton has no loops with this NumPy")
        raise


def images(n, shape=(3, 8, 8), seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def body_of(depth=1, **settings):
    return specs("gap", depth=depth, **{"w_variance": 1.8, "b_variance": 0.05} | settings)[: 2 * depth]


def taps(side, layer):
    """How often a' is a tap of a, [side, side]."""
    counts, reach = torch.zeros(side, side), layer.kernel_size // 2
    for a in range(side):
        for tap in range(a - reach, a + reach + 1):
            if layer.padding == "circular" or 0 <= tap < side:
                counts[a, tap % side] += 1
    return counts


def variances(body, x):
    """Of the pre-activations of every layer, [n, L, h, w]."""
    state, planes = input_planes(x, x[:1], (0, 0), True), []
    for spec in body:
        state = propagate(spec, state)
        if isinstance(spec, Conv):
            planes.append(state.q[:, 0])
    return torch.stack(planes, dim=1)


def readout_weights(windows, size, circular):
    """Displacements and weights of readouts over windows: dys, dxs, rows [R, ny, h] and columns [R, nx, w]."""
    axes = []
    for side, lengths in zip(size, zip(*windows, strict=True), strict=True):
        pairs = [axis_pairs(side, length, circular) for length in lengths]
        displacements = sorted(set().union(*pairs))
        zero = torch.zeros(side, dtype=torch.float64)
        weights = [
            torch.stack([found.get(d, zero) / (side * length) for d in displacements])
            for found, length in zip(pairs, lengths, strict=True)
        ]
        axes.append((displacements, torch.stack(weights)))
    (dys, rows), (dxs, columns) = axes
    return dys, dxs, rows, columns


def arguments(body, x1, x2, windows):
    """What `plane_sums` takes, in its order, on the device of the tests."""
    size, layers = x1.shape[2:], [spec for spec in body if isinstance(spec, Conv)]
    circular = layers[0].padding == "circular"
    vertical, horizontal = (torch.stack([taps(side, layer) for layer in layers]) for side in size)
    scales = torch.tensor([layer.w_variance / layer.kernel_size**2 for layer in layers])
    shifts = torch.tensor([layer.b_variance for layer in layers])
    values = (x1, x2, vertical, horizontal, scales, shifts, variances(body, x1), variances(body, x2))
    on_device = [value.to(DEVICE, torch.float32) for value in values]
    return [*on_device, *readout_weights(windows, size, circular), circular]


def slow_sums(body, x1, x2, windows):
    """K and Θ [R, n1, n2] by the recursion in float64, one displacement after another."""
    circular = body[0].padding == "circular"
    dys, dxs, rows, columns = readout_weights(windows, x1.shape[2:], circular)
    K, Theta = torch.zeros(2, len(windows), len(x1), len(x2), dtype=torch.float64)
    for y, dy in enumerate(dys):
        for x, dx in enumerate(dxs):
            state = input_planes(x1, x2, (dy, dx), circular)
            for spec in body:
                state = propagate(spec, state)
            weights = (rows[:, y], columns[:, x])
            K += torch.einsum("ijab,ra,rb->rij", state.K, *weights)
            Theta += torch.einsum("ijab,ra,rb->rij", state.Theta, *weights)
    return K, Theta


def deviation(ours, theirs):
    """The largest difference, relative to the largest value of each readout; of K and Θ."""
    return max(
        float(((a.cpu() - b).abs().amax((1, 2)) / b.abs().amax((1, 2))).max())
        for a, b in zip(ours, theirs, strict=True)
    )


CASES = {
    "pooling, windows and positions": ((3, 8, 8), [(8, 8), (4, 4), (1, 1)], {"depth": 1}),
    "deep": ((3, 8, 8), [(2, 2), (1, 1)], {"depth": 4}),
    "not square": ((2, 16, 12), [(2, 3)], {"depth": 2}),
    "no powers of two": ((1, 3, 5), [(3, 5), (1, 1)], {"depth": 2}),
    "zero padding": ((3, 4, 3), [(4, 3), (2, 1)], {"depth": 2, "padding": "zero"}),
    "filters of 5": ((2, 8, 8), [(2, 2)], {"depth": 2, "kernel_size": 5}),
    "filters of 5 and zero padding": ((2, 8, 7), [(2, 1)], {"depth": 2, "kernel_size": 5, "padding": "zero"}),
    "filters of 1 and no bias": ((2, 4, 4), [(2, 2)], {"depth": 2, "kernel_size": 1, "b_variance": 0.0}),
}


SLOW = ("pooling, windows and positions", "zero padding")


@pytest.mark.parametrize("case", [*(case for case in CASES if case not in SLOW), *slow(*SLOW)])
def test_plane_sums_are_those_of_the_recursion(triton_planes, case):
    shape, windows, settings = CASES[case]
    body, x1, x2 = body_of(**settings), images(1, shape).float().double(), images(2, shape, seed=1).float().double()
    x2[1] = x1[0]
    K, Theta = triton_planes.plane_sums(*arguments(body, x1, x2, windows))
    assert K.dtype == Theta.dtype == torch.float64
    assert deviation((K, Theta), slow_sums(body, x1, x2, windows)) < 2e-6


def test_equal_and_constant_images_have_no_angle_between_them(triton_planes):
    """A deep network, where a rounding error of the cosine would show as an angle of its root."""
    body, windows = body_of(8), [(2, 1), (1, 1)]
    x = images(3, (3, 2, 4)).float().double()
    x[1], x[2] = 0.7, 0
    ours = triton_planes.plane_sums(*arguments(body, x, x, windows))
    assert deviation(ours, slow_sums(body, x, x, windows)) < 2e-6


def test_images_of_zeros_without_biases(triton_planes):
    x = images(2, (2, 4, 4))
    x[1] = 0
    for sums in triton_planes.plane_sums(*arguments(body_of(2, b_variance=0.0), x, x, [(2, 2)])):
        assert sums.isfinite().all() and sums[:, 1].abs().max() == 0


@pytest.mark.parametrize("which", [2, 4, 6, 10, *slow(3, 5, 7, 11)])
def test_every_argument_counts(triton_planes, which):
    """The control of the tests above: shifted taps, scales and shifts, variances and weights change the result."""
    values = arguments(body_of(2), images(1, (2, 4, 4)), images(1, (2, 4, 4), seed=1), [(2, 2)])
    right = triton_planes.plane_sums(*values)
    changed = values[which] * 1.01 if values[which].ndim == 1 else values[which].roll(1, dims=-1)
    wrong = triton_planes.plane_sums(*values[:which], changed, *values[which + 1 :])
    assert max(float((a / b - 1).abs().max()) for a, b in zip(wrong, right, strict=True)) > 1e-4


def test_displacements_are_taken_modulo_the_size_of_periodic_images(triton_planes):
    values = arguments(body_of(), images(1, (2, 4, 4)), images(1, (2, 4, 4), seed=1), [(2, 2)])
    moved = [*values[:8], [d - 4 for d in values[8]], torch.tensor(values[9]) + 4, *values[10:]]
    for ours, theirs in zip(triton_planes.plane_sums(*moved), triton_planes.plane_sums(*values), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.slow
def test_several_launches_are_one(triton_planes, monkeypatch):
    values = arguments(body_of(), images(5, (2, 2, 4)), images(2, (2, 2, 4), seed=1), [(2, 1), (1, 1)])
    whole = triton_planes.plane_sums(*values)
    for numbers in (1, 2 * 2 * 3 * 2 * 2):  # one image x at a time, and two
        monkeypatch.setattr(triton_planes, "PARTIAL_SUMS", numbers)
        for ours, theirs in zip(triton_planes.plane_sums(*values), whole, strict=True):
            assert torch.equal(ours, theirs)


def reference_cases():
    """Those with ReLU and convolutions, of larger images only one plane; many planes are slow."""
    cases = [case.split(",") for case in np.load(REFERENCE)["cases"]]
    cases = [c for c in cases if c[7] == "relu" and (c[1] == "vec" or (c[1] != "fcn" and c[2] == "8"))]
    slow = [c[1] == "gap" or (c[1] != "vec" and c[3] == "8") for c in cases]
    return [pytest.param(c, id="-".join(c), marks=[pytest.mark.slow] * s) for c, s in zip(cases, slow, strict=True)]


@pytest.mark.parametrize("case", reference_cases())
def test_neural_tangents(triton_planes, case):
    index, name, side, depth, padding = case[:5]
    w_variance, b_variance = float(case[5]), float(case[6])
    file, window = np.load(REFERENCE), {"vec": 1, "gap": int(side)}.get(name) or int(name[3:])
    x1, x2 = (torch.from_numpy(file[f"x{k}_{side}"]).double()[:n] for k, n in ((1, 2), (2, 1)))
    body = body_of(int(depth), padding=padding, w_variance=w_variance, b_variance=b_variance)
    K, Theta = (s[0] for s in triton_planes.plane_sums(*arguments(body, x1, x2, [(window, window)])))
    nngp = w_variance * K + b_variance
    for ours, kernel in ((nngp, "nngp"), (nngp + w_variance * Theta, "ntk")):
        theirs = torch.from_numpy(file[f"{index}_{kernel}12"])[:2, :1]
        torch.testing.assert_close(ours.cpu(), theirs, rtol=2e-6, atol=0)


PARTS = """
import triton
import triton.language as tl
from geomsym.kernels.triton_planes import _parts

@triton.jit
def store_parts(x, out, n: tl.constexpr):
    k = tl.arange(0, n)
    first, second, third = _parts(tl.load(x + k))
    tl.store(out + k, first)
    tl.store(out + n + k, second)
    tl.store(out + 2 * n + k, third)
"""


def test_three_numbers_of_bfloat16_add_up_to_a_float32(triton_planes, tmp_path):
    """The split that the precision on tensor cores rests on; the interpreter has no products in bfloat16."""
    (tmp_path / "parts.py").write_text(PARTS)
    loader = importlib.util.spec_from_file_location("parts", tmp_path / "parts.py")
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    x = (images(8, (2, 8, 8)) * torch.logspace(-20, 20, 8)[:, None, None, None]).float().flatten().to(DEVICE)
    parts = x.new_empty(3, len(x))
    module.store_parts[(1,)](x, parts, len(x))
    assert torch.equal(parts.bfloat16().float(), parts)
    assert torch.equal(parts.double().sum(0), x.double())
    assert not torch.equal(parts[:2].double().sum(0), x.double())


COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from geomsym.kernels.triton_planes import _planes, launch_settings

settings = launch_settings(int(sys.argv[1]), int(sys.argv[1]), 1)
constants = {k: v for k, v in settings.items() if k in _planes.arg_names} | {"CIRCULAR": True}
types = dict.fromkeys(("vertical", "horizontal"), "*bf16") | dict.fromkeys(("dys", "dxs"), "*i32")
types |= dict.fromkeys(("n2", "ny", "nx", "layers", "channels", "readouts"), "i32")
signature = {name: "constexpr" if name in constants else types.get(name, "*fp32") for name in _planes.arg_names}
options = {k: v for k, v in settings.items() if k not in constants}
source = ASTSource(_planes, signature, constants, {(k,): [["tt.divisibility", 16]] for k in range(13)})
cubin = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["cubin"]
open(sys.argv[2], "wb").write(cubin)
"""


@pytest.mark.parametrize("side", slow(8, 16, 32, 64))
def test_it_compiles_for_hopper_and_its_planes_stay_in_registers(side, tmp_path):
    """No GPU is needed: Triton brings NVIDIA's assembler, and a tool that tells what a program takes."""
    tool, binary = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump", tmp_path / "planes.cubin"
    if not tool.exists():
        pytest.skip("this build of Triton has no tools for CUDA")
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    environment.pop("TRITON_INTERPRET", None)
    script = tmp_path / "compile_planes.py"
    script.write_text(COMPILE)
    subprocess.run([sys.executable, script, str(side), binary], env=environment, check=True, cwd=Path.cwd())
    usage = subprocess.run([tool, "-res-usage", binary], capture_output=True, text=True, check=True)
    registers, stack = map(int, re.search(r"REG:(\d+) STACK:(\d+)", usage.stdout + usage.stderr).groups())
    assert registers <= 255 and stack <= (0 if side <= 32 else 128)  # bytes a thread, of some 1000 that it works on


@pytest.mark.parametrize(("padding", "kernel_size"), [("circular", 3), *slow(("zero", 3), ("zero", 5))])
def test_layer_specs_reach_the_kernel(triton_planes, padding, kernel_size):
    """Networks with one body in one pass, as tiles ask for them; images of which two are equal."""
    settings = {"depth": 2, "padding": padding, "kernel_size": kernel_size}
    networks = [specs("vec", **settings), specs("lap", window=2, **settings), specs("gap", **settings)]
    x1, x2 = images(1, (2, 2, 4)), images(2, (2, 2, 4), seed=1)
    x2[0] = x1[0]
    blocks = triton_backend.kernel_block(networks, *(x.to(DEVICE, torch.float32) for x in (x1, x2)))
    for network, (nngp, ntk) in zip(networks, blocks, strict=True):
        expected = kernel_matrices(network, x1.float().double(), x2.float().double(), backend="torch")
        for ours, theirs in ((nngp, expected.nngp), (ntk, expected.ntk)):
            assert ours.dtype == torch.float64
            assert (ours.cpu() - theirs).abs().max() < 1e-6 * theirs.abs().max()


@pytest.mark.parametrize("b_variance", [0.01, *slow(0.0)])
@pytest.mark.parametrize("exponent", [-15, -10, *slow(-4, 4), 0, 10, 15])
def test_scales_beyond_single_precision_go_to_the_reference(triton_planes, exponent, b_variance):
    """Products of two variances overflow in float32 from pixels of 1e10, and biases make angles too small for it."""
    x = (10.0**exponent * images(3, (2, 3, 3))).float()
    network = specs("gap", depth=2, b_variance=b_variance)
    (ours,) = triton_backend.kernel_block([network], x.to(DEVICE), x.to(DEVICE))
    expected = kernel_matrices(network, x.double(), backend="torch")
    for value, theirs in zip(ours, (expected.nngp, expected.ntk), strict=True):
        assert ((value.cpu() - theirs) / theirs).abs().max() < 1e-4


@pytest.mark.parametrize(("size", "kernel_size"), [(4, 3), (5, 5), (3, 7), (1, 3)])
@pytest.mark.parametrize("padding", ["circular", "zero"])
def test_taps_are_counted(size, kernel_size, padding):
    expected = taps(size, Conv(1, kernel_size=kernel_size, padding=padding))
    assert torch.equal(triton_backend.taps(size, kernel_size, padding == "circular"), expected)


def test_without_a_gpu_it_is_refused_by_name():
    assert triton_backend.LARGEST_SIDE == 64 and not triton_backend.supports([specs("gap")], images(1).float())
    with pytest.raises(ConfigError, match="backend=triton: covers convolutions with ReLU, images up to 64×64"):
        kernel_matrices(specs("gap"), images(1).float(), backend="triton")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["gap", "vec", "fcn"])
def test_on_a_gpu_kernels_are_those_of_the_cpu(name):
    x = images(5, (3, 32, 32)).float()
    ours, theirs = (kernel_matrices(specs(name, depth=4), place) for place in (x.cuda(), x))
    torch.testing.assert_close(ours.ntk.cpu(), theirs.ntk, rtol=2e-5, atol=0)
