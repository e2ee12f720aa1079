"""`geomsym kernel` as a user runs it."""

import os
import signal

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from geomsym.architectures import specs
from geomsym.cli.main import app
from geomsym.config import DataConfig
from geomsym.data import load
from geomsym.kernels import kernel_matrices
from geomsym.kernels.backends import BACKENDS, Backend

SMALL = ["architecture=gap", "architecture.depth=2", "--device", "cpu"]


def invoke(*arguments):
    return CliRunner().invoke(app, ["kernel", *map(str, arguments)])


@pytest.fixture
def arrays(tmp_path):
    """Two files of images, of 4 and 3."""
    random = np.random.default_rng(0)
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    for path, n in zip(paths, (4, 3), strict=True):
        np.save(path, random.standard_normal((n, 3, 4, 6)))
    return paths


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_of_two_files(tmp_path, arrays, dtype):
    result = invoke("--x1", arrays[0], "--x2", arrays[1], "--out", tmp_path / "k.npz", f"dtype={dtype}", *SMALL)
    assert result.exit_code == 0 and "nngp and ntk [4, 3]" in result.stdout
    x1, x2 = (torch.from_numpy(np.load(path)).to(getattr(torch, dtype)) for path in arrays)
    expected = kernel_matrices(specs("gap", depth=2), x1, x2)
    with np.load(tmp_path / "k.npz") as file:
        assert set(file) == {"nngp", "ntk"}
        for name in file:
            assert file[name].dtype == dtype
            assert np.array_equal(file[name], getattr(expected, name).numpy())


def test_the_tiles_of_an_interrupted_command_are_used_and_removed(tmp_path, arrays, monkeypatch):
    """Interrupted after the first tile, the second time that tile isn't computed."""
    plain, counts = BACKENDS["numba"], []

    def block(networks, x1, x2):
        if len(counts) == 1:
            counts.append(0)
            os.kill(os.getpid(), signal.SIGINT)
        counts.append(len(x1) * len(x2))
        return plain.block(networks, x1, x2)

    monkeypatch.setitem(BACKENDS, "numba", Backend(block, plain.supports, plain.coverage, work=4 * 24 * 24))
    command = ("--x1", arrays[0], "--x2", arrays[1], "--out", tmp_path / "k.npz", *SMALL)
    stopped = invoke(*command)
    assert stopped.exit_code == 130 and "The same command continues." in stopped.stderr.replace("\n", " ")
    assert not (tmp_path / "k.npz").exists() and counts == [4, 0]
    assert invoke(*command).exit_code == 0 and counts == [4, 0, 2, 4, 2, 16, 9]  # and the diagonals
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", "b.npy", "k.npz"}
    x1, x2 = (torch.from_numpy(np.load(path)).float() for path in arrays)
    with np.load(tmp_path / "k.npz") as file:
        np.testing.assert_allclose(file["ntk"], kernel_matrices(specs("gap", depth=2), x1, x2).ntk, rtol=1e-6)


def test_one_file_against_itself(tmp_path, arrays):
    assert invoke("--x1", arrays[0], "--out", tmp_path / "k.npz", *SMALL).exit_code == 0
    with np.load(tmp_path / "k.npz") as file:
        assert file["ntk"].shape == (4, 4) and np.array_equal(file["ntk"], file["ntk"].T)


def test_vectors(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(3))
    result = invoke("--x1", tmp_path / "v.npy", "--out", tmp_path / "k.npz", "architecture=fcn", "--device", "cpu")
    assert result.exit_code == 0
    with np.load(tmp_path / "k.npz") as file:
        assert file["nngp"].shape == (3, 3)


@pytest.mark.parametrize(
    ("shape", "dtype", "read"),
    [
        ((3, 8, 8, 3), "f8", "x1: 3 images of 3×8×8 (c, h, w), read from [3, 8, 8, 3]"),
        ((4, 8, 8), ">f4", "x1: 4 images of 1×8×8 (c, h, w), read from [4, 8, 8]"),
        ((4, 3, 8, 8), "u1", "x1: 4 images of 3×8×8 (c, h, w), read from [4, 3, 8, 8]"),
        ((4, 5), "f2", "x1: 4 vectors of 5, read from [4, 5]"),
    ],
)
def test_arrays_are_read_as_data_reads_them_and_the_shape_is_said(tmp_path, shape, dtype, read):
    stored = np.random.default_rng(0).uniform(0, 200, shape).astype(dtype)
    np.save(tmp_path / "x.npy", stored)
    y = np.arange(len(stored)) % 2
    np.savez(tmp_path / "x.npz", x_train=stored, y_train=y, x_test=stored, y_test=y)
    network = ("architecture=fcn", "architecture.depth=2", "dtype=float64")
    result = invoke("--x1", tmp_path / "x.npy", "--out", tmp_path / "k.npz", *network, "--device", "cpu")
    assert result.exit_code == 0 and read in result.stderr
    data = load(DataConfig("arrays", root=str(tmp_path / "x.npz"), preprocess="none"), torch.float64)
    expected = kernel_matrices(specs("fcn", depth=2), data.train.x).ntk.diagonal().sort().values
    with np.load(tmp_path / "k.npz") as file:
        np.testing.assert_allclose(np.sort(file["ntk"].diagonal()), expected, rtol=1e-6)


def bad(tmp_path, name):
    path = tmp_path / f"{name}.npy"
    match name:
        case "text":
            path.write_text("no array")
        case "integers":
            np.save(path, np.zeros((2, 3, 4, 4), int))
        case "flat":
            np.save(path, np.zeros(5))
        case "fill":
            np.save(path, np.where(np.arange(96).reshape(2, 3, 4, 4) == 70, -3.4028235e38, 0.0))
        case "one":
            np.save(path, np.zeros((8, 8, 3)))
        case "nothing":
            path.touch()
        case "cut":
            np.save(path, np.zeros((2, 3, 4, 4)))
            path.write_bytes(path.read_bytes()[:300])
        case "archive":
            path.write_bytes(b"PK\x03\x04 and no more")
        case "ambiguous":
            np.save(path, np.zeros((2, 3, 4, 3)))
        case "nan":
            np.save(path, np.full((2, 3, 4, 4), np.nan))
        case "empty":
            np.save(path, np.zeros((0, 3, 4, 4)))
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", "not a readable .npy file"),
        ("nothing", "not a readable .npy file"),
        ("cut", "not a readable .npy file"),
        ("archive", "not a readable .npy file"),
        ("missing", "missing.npy: no such file or folder; check the name"),
        ("integers", "x1 has the type int64; store bytes 0…255 as uint8"),
        ("flat", "x1 has shape [5]; store it as"),
        ("fill", "image 1, channel 1, row 1, column 2: -3.40282e+38, whose square is too large for float32"),
        ("one", "x1 has shape [8, 8, 3]: one image, or images 3 wide? of one image [h, w, c] give x[None]"),
        ("ambiguous", "x1 has shape [2, 3, 4, 3]: of axes 1 and 3, either could be channels"),
        ("nan", "x1[0, 0, 0, 0] is nan, one of 96 such values"),
        ("empty", "x1 has shape [0, 3, 4, 4] and no values"),
    ],
)
def test_files_that_hold_no_images_leave_nothing_behind(tmp_path, name, message):
    result = invoke("--x1", bad(tmp_path, name), "--out", tmp_path / "k.npz", *SMALL)
    assert result.exit_code == 2 and message in result.stderr.replace("\n", " ")
    assert not (tmp_path / "k.npz").exists()


@pytest.mark.parametrize("with_x2", [False, True])
@pytest.mark.parametrize(
    ("scale", "settings", "message"),
    [
        (
            0.0,
            ["architecture.b_variance=0"],
            "the diagonal has to be positive, in float32, but is 0 at image 1; leave out",
        ),
        (1e-20, ["architecture.b_variance=0"], "the diagonal has to be positive, in float32"),
        (1e15, ["architecture.w_variance=1e4"], "values aren't finite in float32; "),
        (1e150, ["architecture.w_variance=1e4", "dtype=float64"], "values aren't finite in float64; "),
    ],
)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_kernels_that_are_not_positive_numbers_are_refused(tmp_path, scale, settings, message, activation, with_x2):
    x = np.random.default_rng(0).standard_normal((4, 3, 5, 5))
    x[1] *= scale
    np.save(tmp_path / "x.npy", x)
    second = ["--x2", tmp_path / "x.npy"] if with_x2 else []
    result = invoke(
        "--x1", tmp_path / "x.npy", *second, "--out", tmp_path / "k.npz", f"architecture.activation={activation}",
        *settings, *SMALL,
    )  # fmt: skip
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())
    assert "dtype=float64" in result.stderr.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("activation", ["relu", "erf", "gelu", "tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("architecture", ["vec", "fcn"])
def test_pixels_of_any_scale_have_the_kernels_of_double_precision(tmp_path, activation, architecture):
    """Bytes, CT's −1000 to 3000, 16 bits, and 1e-15 to 1e15."""
    random = np.random.default_rng(0).random((4, 3, 5, 5))
    for low, high in ((0, 255), (-1000, 3000), (0, 65535), (-1e-15, 1e-15), (-1e15, 1e15)):
        np.save(tmp_path / "x.npy", low + (high - low) * random)
        files = []
        for dtype in ("float32", "float64"):
            settings = (f"architecture={architecture}", f"architecture.activation={activation}", "architecture.depth=3")
            result = invoke("--x1", tmp_path / "x.npy", "--out", tmp_path / "k.npz", f"dtype={dtype}", *settings)
            assert result.exit_code == 0
            files.append(dict(np.load(tmp_path / "k.npz")))
        for name in ("nngp", "ntk"):
            np.testing.assert_allclose(files[0][name], files[1][name], rtol=1e-5)


def test_other_mistakes(tmp_path, arrays):
    for arguments, message in (
        (["--out", tmp_path / "k.txt"], "kernels are written as .npz"),
        (["--out", tmp_path / "k.npz", "architecture.window=5", "architecture=lap"], "architecture.window=5"),
        (["--out", tmp_path / "k.npz", "architecture=gpa"], "did you mean 'gap'"),
    ):
        result = invoke("--x1", arrays[0], *arguments, "--device", "cpu")
        assert result.exit_code == 2 and message in result.stderr.replace("\n", " ")
        assert "pairs" not in result.stderr  # no bar of progress before it
