"""Fill values and other numbers that can't be computed with: refused with their place, by every algorithm alike."""

import numpy as np
import pytest
import torch

from geomsym.config import ArchitectureConfig, DataConfig, GradientDescentConfig, KernelRegressionConfig, RunConfig
from geomsym.data import load
from geomsym.data.magnitude import check_magnitude
from geomsym.errors import ConfigError, DataError
from geomsym.run import run

LOWEST = float(np.finfo(np.float32).min)


@pytest.fixture
def arrays(tmp_path):
    """A function that writes 40 images of two classes, scaled, of which some have a fill value; and their config."""

    def written(fill=None, scale=1.0, **values):
        random = np.random.default_rng(0)
        y = np.arange(40) % 2
        x = scale * (random.standard_normal((40, 1, 4, 4)) + y[:, None, None, None])
        if fill is not None:
            x[20, 0, 1, 3] = x[30, 0, 0, 0] = fill
        np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        return DataConfig("arrays", root=str(tmp_path / "x.npz"), **values)

    return written


@pytest.mark.parametrize("inference", [GradientDescentConfig("nn", max_steps=3), KernelRegressionConfig("ntk")])
@pytest.mark.parametrize("preprocess", ["none", "standardize", "zca"])
@pytest.mark.parametrize("fill", [LOWEST, 1e30, 1e20])
def test_every_algorithm_refuses_fill_values_alike(arrays, inference, preprocess, fill):
    cfg = RunConfig(
        arrays(fill, preprocess=preprocess), architecture=ArchitectureConfig("fcn", 8, 2), inference=inference
    )
    message = r"data=arrays: training image (20, channel 0, row 1, column 3|30, channel 0, row 0, column 0): "
    with pytest.raises(DataError, match=message + r".*too large for float32; so in 2 of 40 images; a fill value"):
        run(cfg)


@pytest.mark.parametrize("fill", [1e10, 1e18])
def test_standardising_beside_fill_values_is_refused_where_the_rest_becomes_equal(arrays, fill):
    with pytest.raises(ConfigError, match=r"data\.preprocess=standardize: channel 0 has values as large as 1e\+"):
        load(arrays(fill, preprocess="standardize"))
    with pytest.raises(ConfigError, match="replace fill values"):
        load(arrays(LOWEST, preprocess="standardize"), torch.float64)


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1000.0, 65535.0, 1e15])
@pytest.mark.parametrize("preprocess", ["none", "standardize"])
def test_large_and_small_data_stay_welcome(arrays, scale, preprocess):
    assert load(arrays(scale=scale, preprocess=preprocess)).train.x.isfinite().all()
    assert load(arrays(-9999, preprocess=preprocess)).train.x.isfinite().all()


def test_the_limit_is_that_of_the_type():
    x = torch.full((1, 1, 1, 1), 1e30, dtype=torch.float64)
    check_magnitude(x, torch.float64, "image")
    with pytest.raises(DataError, match=r"image 0, channel 0, row 0, column 0: 1e\+30, whose square"):
        check_magnitude(x, torch.float32, "image")
    check_magnitude(torch.full((1, 1, 1, 1), 1.8e19), torch.float32, "image")
