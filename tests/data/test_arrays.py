"""Users' own arrays: layouts, scaling, labels, fingerprints, and a clear refusal of everything else."""

from pathlib import Path

import numpy as np
import pytest
import torch

from geomsym.config import DataConfig
from geomsym.data import fingerprint, load
from geomsym.data.array_layout import channels_first
from geomsym.errors import ConfigError, DataError

REAL = Path(__file__).parents[3] / "shared" / "data"


def contents(shape=(6, 4, 4, 3), dtype=np.uint8, **changed):
    """The four arrays of a small valid file, some changed; None removes one."""
    random = np.random.default_rng(0)
    if dtype == np.uint8:
        x = random.integers(0, 256, (2, *shape), dtype=np.uint8)
    else:
        x = random.normal(size=(2, *shape)).astype(dtype)
    y = np.arange(shape[0]) % 2
    arrays = {"x_train": x[0], "y_train": y, "x_test": x[1], "y_test": y} | changed
    return {key: value for key, value in arrays.items() if value is not None}


@pytest.fixture
def save(tmp_path):
    """Write arrays to a file and return the config that names it."""

    def saved(arrays, **values):
        file = tmp_path / "mine.npz"
        np.savez(file, **arrays)
        return DataConfig(name="arrays", root=str(file), **{"preprocess": "none"} | values)

    return saved


def sorted_rows(x):
    rows = np.asarray(x).reshape(len(x), -1)
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((6, 5, 5), None, (1, 5, 5)),
        ((6, 5, 4, 3), (0, 3, 1, 2), (3, 5, 4)),
        ((6, 5, 4, 1), (0, 3, 1, 2), (1, 5, 4)),
        ((6, 3, 5, 4), None, (3, 5, 4)),
        ((6, 1, 5, 4), None, (1, 5, 4)),
        ((6, 7), None, (7, 1, 1)),
        ((6, 2, 1, 1), None, (2, 1, 1)),
        ((6, 3, 1, 1), None, (3, 1, 1)),
    ],
)
def test_each_layout_is_read_as_channels_first(save, shape, axes, expected):
    arrays = contents(shape, np.float64)
    data = load(save(arrays), torch.float64)
    stored = arrays["x_train"] if axes is None else arrays["x_train"].transpose(axes)
    assert data.input_shape == expected
    assert np.array_equal(sorted_rows(data.train.x), sorted_rows(stored.reshape(6, *expected)))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((6, 3, 8, 3), r"mine: x has shape \[6, 3, 8, 3\].*either could be channels"),
        ((6, 1, 8, 3), "either could be channels"),
        ((6, 8, 8, 4), "neither has the 1 or 3 channels of an image"),
        ((6,), r"shape \[6\]; store it as \[n, h, w\]"),
        ((6, 3, 8, 8, 8), r"shape \[6, 3, 8, 8, 8\]; store it as"),
    ],
)
def test_layouts_that_would_be_guesses_are_refused(shape, message):
    with pytest.raises(DataError, match=message):
        channels_first(np.zeros(shape), "mine: x")


def test_bytes_are_scaled_and_floats_kept(save):
    x = np.array([[0, 51], [255, 102]], np.uint8)
    arrays = contents((2, 2), x_train=x, x_test=x)
    scaled = load(save(arrays), torch.float64).train.x
    assert np.allclose(sorted_rows(scaled), sorted_rows(x / 255), atol=1e-7)
    floats = contents((2, 2), np.float64, x_train=x * np.pi)
    assert np.array_equal(sorted_rows(load(save(floats), torch.float64).train.x), sorted_rows(x * np.pi))


def test_half_precision_is_read_as_single(save):
    assert load(save(contents((6, 3), np.float16))).train.x.dtype == torch.float32


def test_labels_become_indices_in_increasing_order_and_name_their_classes(save):
    x = np.arange(6.0)[:, None]
    y = np.array([7, -1, 3, 7, -1, 3], np.int16)
    data = load(save(contents((6, 1), np.float64, x_train=x, x_test=x, y_train=y, y_test=y)))
    assert data.class_names == ("-1", "3", "7")
    assert dict(zip(data.train.x.flatten().tolist(), data.train.y.tolist(), strict=True)) == {
        0: 2, 1: 0, 2: 1, 3: 2, 4: 0, 5: 1,
    }  # fmt: skip


def test_images_are_resized(save):
    assert load(save(contents((6, 8, 8)), image_size=4)).input_shape == (1, 4, 4)
    with pytest.raises(ConfigError, match=r"data\.image_size=4: images are 8×6, not square"):
        load(save(contents((6, 8, 6)), image_size=4))


def test_constant_features_of_vectors_survive_standardisation(save):
    arrays = contents((6, 3), np.float64)
    arrays["x_train"][:, 1] = 0.3
    x = load(save(arrays, preprocess="standardize"), torch.float64).train.x
    assert x.isfinite().all() and x[:, 1].abs().max() < 1e-12


BAD_NAN = np.array([[0.0, 1.0], [2.0, np.nan], [np.inf, 0.0]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"x_test": None, "y_test": None},
            r"has no x_test, y_test \(it holds x_train, y_train\); store x_train",
        ),
        (
            {"x_train": np.zeros((6, 4, 4, 3), np.int64)},
            "x_train has the type int64; store bytes 0…255 as uint8",
        ),
        ({"x_test": np.zeros((6, 4, 4, 3), complex)}, "x_test has the type complex128"),
        (
            {"x_train": np.zeros((5, 4, 4, 3), np.uint8)},
            r"x_train has shape \[5, 4, 4, 3\] but y_train \[6\]",
        ),
        ({"x_train": np.zeros((0, 4, 4, 3), np.uint8), "y_train": np.zeros(0, int)}, "x_train .*no values"),
        ({"y_train": np.zeros((6, 1), int)}, r"y_train has shape \[6, 1\]; give one label for each example"),
        (
            {"x_test": np.zeros((6, 5, 5, 3), np.uint8)},
            r"x_train are \[3, 4, 4\] but those of x_test \[3, 5, 5\]",
        ),
        ({"x_test": np.zeros((6, 4, 4, 3))}, "x_train is uint8 but x_test float64; store both with one type"),
        (
            {"y_train": np.arange(6) % 2 / 1},
            r"y_train has the type float64; labels are integers or text: use astype\(int\)",
        ),
        ({"y_train": np.zeros(6, int), "y_test": np.zeros(6, int)}, "y_train holds only the label 0"),
        ({"y_test": np.arange(6)}, "y_train has no example of label 2, 3, 4, 5, which y_test has"),
        ({"y_train": np.arange(6) % 3}, "y_test has no example of label 2, which y_train has"),
        ({"x_train": np.array([None] * 6, object)}, "x_train holds Python objects, which are not loaded"),
        (contents((3, 2), float, x_train=BAD_NAN), r"x_train\[1, 1\] is nan, one of 2 such values"),
    ],
)
def test_bad_contents_are_named(save, changed, message):
    cfg = save(
        contents() | changed if "x_test" not in changed or changed["x_test"] is not None else contents(**changed)
    )
    with pytest.raises(DataError, match=message) as caught:
        load(cfg)
    assert "mine.npz" in str(caught.value)


def npy(file):
    with file.open("wb") as stream:
        np.save(stream, np.zeros(3))


def truncated(file):
    np.savez(file, **contents())
    file.write_bytes(file.read_bytes()[:-400])


def damaged(file):
    np.savez_compressed(file, **contents((6, 64, 64)))
    content = bytearray(file.read_bytes())
    content[200:260] = bytes(60)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.write_text("x,y\n1,2\n"), "mine.npz: not an .npz file; write it with numpy.savez"),
        (npy, "mine.npz: a single array, not an .npz file"),
        (truncated, "mine.npz: not a readable .npz file"),
        (damaged, "mine.npz: x_train is damaged|mine.npz: not a readable .npz file"),
        (lambda file: file.touch(), "mine.npz: not a readable .npz file"),
    ],
)
def test_files_that_are_no_archives_are_named(tmp_path, write, message):
    file = tmp_path / "mine.npz"
    write(file)
    with pytest.raises(DataError, match=message):
        load(DataConfig(name="arrays", root=str(file)))


def test_a_missing_file_is_named_with_its_key(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"data\.root=.*none\.npz: .*does not exist: give an \.npz file with x_train"):
        load(DataConfig(name="arrays", root=str(tmp_path / "none.npz")))
    monkeypatch.setenv("GEOMSYM_DATA", str(tmp_path))
    for use in (load, fingerprint):
        with pytest.raises(ConfigError, match=r"data\.root=null: .* is a folder: give an \.npz file"):
            use(DataConfig(name="arrays"))


def test_the_environment_may_name_the_file(save, monkeypatch):
    monkeypatch.setenv("GEOMSYM_DATA", save(contents()).root)
    assert load(DataConfig(name="arrays")).input_shape == (3, 4, 4)


def test_the_fingerprint_is_of_the_content_not_the_path(save, tmp_path):
    cfg = save(contents())
    first = fingerprint(cfg)
    copy = tmp_path / "folder" / "other.npz"
    copy.parent.mkdir()
    copy.write_bytes(Path(cfg.root).read_bytes())
    assert fingerprint(DataConfig(name="arrays", root=str(copy))) == first
    assert fingerprint(save(contents((6, 5, 5, 3)))) != first


@pytest.mark.skipif(not REAL.is_dir(), reason="no real data beside the repository")
@pytest.mark.parametrize(("file", "shape"), [("mnist", (1, 28, 28)), ("cifar10_exact", (3, 32, 32))])
def test_real_data_load(file, shape):
    data = load(DataConfig(name="arrays", root=str(REAL / f"{file}.npz"), subset_size=100, test_size=50))
    assert data.input_shape == shape
    assert data.train.y.bincount().tolist() == [10] * 10
    assert data.train.x.mean((0, 2, 3)).abs().max() < 1e-5
