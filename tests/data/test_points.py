"""The generated points of the plane: labels recomputed, laws of the coordinates, refusals."""

import math

import numpy as np
import pytest
import torch

from geomsym.config import SinusoidConfig, XorConfig
from geomsym.data import load
from geomsym.data.sinusoid import above
from geomsym.data.xor import open_xor
from geomsym.errors import ConfigError


def test_sinusoid_labels_are_the_side_of_the_curve():
    data = load(SinusoidConfig(subset_size=None), torch.float64)
    x1, x2 = data.train.x[:, :, 0, 0].T
    assert torch.equal(data.train.y, (x2 > 0.6 * torch.sin(7 * x1 - 1)).long())
    assert data.train.x.shape == (20_000, 2, 1, 1)


def test_sinusoid_points_fill_the_square_uniformly():
    x = load(SinusoidConfig(subset_size=None), torch.float64).train.x.flatten(1)
    assert x.abs().max() <= 1
    counts, _, _ = np.histogram2d(*x.numpy().T, bins=4, range=[[-1, 1], [-1, 1]])
    assert np.abs(counts - 1250).max() < 5 * math.sqrt(1250)


def test_the_share_above_the_curve_is_its_integral():
    """P(x₂ > 0.6·sin(7x₁ − 1)) = 1/2 − 0.15·∫ sin(7x − 1) dx over [−1, 1]."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 801)] * 2), -1).reshape(-1, 2)
    integral = (math.cos(8) - math.cos(6)) / 7
    assert above(grid).mean() == pytest.approx(0.5 - 0.15 * integral, abs=2e-3)


def test_xor_without_noise_is_the_four_corners_as_train_and_test():
    data = load(XorConfig(noise_variance=0), torch.float64)
    for split in (data.train, data.test):
        points = {(*x, y) for x, y in zip(split.x.flatten(1).tolist(), split.y.tolist(), strict=True)}
        assert len(split) == 4
        assert points == {(-1, -1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, 0)}


def test_noisy_xor_is_a_cloud_of_the_given_variance_on_each_corner():
    pool = open_xor(XorConfig(noise_variance=0.15), None).train
    x = pool.read(np.arange(20_000))[:, :, 0, 0]
    corner = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])[np.arange(20_000) % 4]
    noise = x - corner
    assert np.array_equal(pool.labels, (corner.prod(1) < 0).astype(int))
    assert np.abs(noise.mean(0)).max() < 5 * math.sqrt(0.15 / 20_000)
    assert np.abs(np.cov(noise.T) - 0.15 * np.eye(2)).max() < 5 * 0.15 * math.sqrt(2 / 20_000)


def test_small_noise_leaves_every_xor_label_the_sign_of_the_product():
    data = load(XorConfig(noise_variance=0.01), torch.float64)
    assert torch.equal(data.train.y, (data.train.x.flatten(1).prod(1) < 0).long())
    assert data.train.y.bincount().tolist() == [200, 200]
    assert len(data.test) == 1000


@pytest.mark.parametrize("config", [XorConfig, SinusoidConfig])
def test_train_and_test_points_and_seeds_differ(config):
    data, other = load(config()), load(config(seed=1))
    train, test = (set(map(tuple, split.x.flatten(1).tolist())) for split in (data.train, data.test))
    assert not train & test
    assert not torch.equal(data.train.x, other.train.x)
    assert torch.equal(data.train.x, load(config()).train.x)


@pytest.mark.parametrize("config", [XorConfig, SinusoidConfig])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"flip": True}, r"data\.flip=True: points and vectors have no left and right"),
        ({"image_size": 8}, r"data\.image_size=8: points and vectors have no size"),
    ],
)
def test_what_makes_no_sense_for_points_is_refused(config, values, message):
    with pytest.raises(ConfigError, match=message):
        load(config(**values))


def test_the_four_corners_have_none_to_hold_out():
    with pytest.raises(ConfigError, match=r"data\.validation_size=1: without noise there are four points"):
        load(XorConfig(noise_variance=0, validation_size=1))
