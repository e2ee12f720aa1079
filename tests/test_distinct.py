"""Equal images are found, computed once, and stay equal to the last bit through all that happens to a data set."""

import numpy as np
import pytest
import torch

from geomsym.config import ArchitectureConfig, DataConfig, KernelRegressionConfig, RunConfig, TransformConfig
from geomsym.data import Dataset, Split
from geomsym.distinct import distinct, on_distinct
from geomsym.run import prepare, run
from geomsym.transforms import GROUPS

COUNT, REPEATED = 61, 30


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def arrays(tmp_path):
    """An .npz file whose last training images are the first ones with other labels."""
    y, y_test = np.arange(COUNT) % 4, np.arange(40) % 4
    centres = normal(4, 3, 4, 4, seed=5)
    x, x_test = centres[y] + normal(COUNT, 3, 4, 4, seed=1), centres[y_test] + normal(40, 3, 4, 4, seed=2)
    x[-REPEATED:], y[-REPEATED:] = x[:REPEATED], (y[:REPEATED] + 1) % 4
    path = tmp_path / "repeated.npz"
    np.savez(path, x_train=x.float(), y_train=y, x_test=x_test.float(), y_test=y_test)
    return str(path)


def test_images_are_found_again():
    x = normal(5, 2, 3)
    x[3], x[4] = x[0], x[1]
    x[0, 0, 0], x[3, 0, 0] = 0.0, -0.0
    first, place = distinct(x)
    assert first.tolist() == [0, 1, 2] and place.tolist() == [0, 1, 2, 0, 1]


def test_a_function_sees_each_image_once():
    x = normal(4, 2)
    x[3] = x[1]
    seen = []
    result = on_distinct(lambda rows: seen.append(len(rows)) or rows + torch.arange(len(rows))[:, None], x)
    assert seen == [3] and torch.equal(result[3], result[1])
    assert torch.equal(on_distinct(lambda rows: rows * 2, x), x * 2)


@pytest.mark.parametrize("preprocess", ["none", "standardize", "zca"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("group", GROUPS)
def test_equal_images_stay_equal(arrays, group, dtype, preprocess):
    cfg = RunConfig(DataConfig("arrays", root=arrays, preprocess=preprocess), TransformConfig(group), dtype=dtype)
    x = prepare(cfg, "cpu")[1].train.x
    assert len(x) == COUNT and len(distinct(x)[0]) == COUNT - REPEATED


def rounded_by_place(x):
    """What a matrix product may do on some processors: images differ in their last bits by where they stand."""
    return x * (1 + torch.arange(len(x), dtype=x.dtype)[:, None, None, None] * torch.finfo(x.dtype).eps)


def test_a_data_set_keeps_equal_images_equal_where_products_round_by_place():
    x = normal(COUNT, 3, 4, 4)
    x[-REPEATED:] = x[:REPEATED]
    split = Split(x, torch.arange(COUNT) % 4)
    mapped = Dataset(split, split, split, tuple("abcd")).map(rounded_by_place)
    assert all(len(distinct(part.x)[0]) == COUNT - REPEATED for part in mapped.splits.values())
    assert len(distinct(rounded_by_place(x))[0]) == COUNT  # the control


@pytest.mark.parametrize("preprocess", ["standardize", "zca"])
@pytest.mark.parametrize("inference", ["ntk", "nngp"])
def test_a_rotation_of_repeated_images_harms_no_regression(arrays, inference, preprocess):
    """FCN is invariant to the rotation, so that the plain images tell what is right."""
    mse = {}
    for group in ("identity", "global_rotation"):
        for dtype in ("float32", "float64"):
            cfg = RunConfig(
                DataConfig("arrays", root=arrays, preprocess=preprocess),
                TransformConfig(group),
                ArchitectureConfig("fcn", depth=2),
                KernelRegressionConfig(inference),
                dtype=dtype,
            )
            mse[group, dtype] = run(cfg).fit.metrics["test_mse"]
    assert list(mse.values()) == pytest.approx([mse["identity", "float64"]] * 4, rel=1e-3)
