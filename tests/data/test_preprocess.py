"""Closed forms of the preprocessing."""

import pytest
import torch

from geomsym.data.preprocess import LARGEST_ZCA, Unchanged, fit, standardization, whitening
from geomsym.errors import ConfigError

torch.set_num_threads(1)


@pytest.fixture
def x():
    """Correlated images [200, 3, 2, 2] whose channels differ in mean and scale."""
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(200, 12, dtype=torch.float64, generator=generator) @ torch.randn(
        12, 12, dtype=torch.float64, generator=generator
    )
    return mixed.reshape(200, 3, 2, 2) * torch.tensor([1.0, 20.0, 0.1])[:, None, None] + 5.0


def covariance(x):
    centred = x.flatten(1) - x.flatten(1).mean(0)
    return centred.T @ centred / len(x)


def test_standardised_channels_have_mean_zero_and_variance_one(x):
    out = standardization(x)(x)
    assert out.mean((0, 2, 3)).abs().max() < 1e-12
    assert (out.var((0, 2, 3), correction=0) - 1).abs().max() < 1e-12
    assert x.var((0, 2, 3), correction=0).max() > 100  # the channels were not standardised before


def test_other_images_get_the_statistics_of_the_training_images(x):
    fitted = standardization(x[:100])
    mean, deviation = x[:100].mean((0, 2, 3)), x[:100].std((0, 2, 3), correction=0)
    torch.testing.assert_close(
        fitted(x[100:]), (x[100:] - mean[:, None, None]) / deviation[:, None, None], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_channel_is_centred_and_not_scaled(x, dtype):
    x = x.to(dtype)
    x[:, 1] = 0.1
    out = standardization(x)(x)
    assert out[:, 1].abs().max() < 1e-8
    assert (out[:, 0].var(correction=0) - 1).abs() < 1e-5
    x[:, 1] += 2
    assert torch.allclose(standardization(x - 2)(x)[:, 1], torch.tensor(2, dtype=dtype))


@pytest.mark.parametrize("regularization", [0.1, 1e-3, 2.0])
def test_zca_covariance_has_the_eigenvalues_of_its_formula(x, regularization):
    eigenvalues, U = torch.linalg.eigh(covariance(x))
    expected = (U * (eigenvalues / (eigenvalues + regularization * eigenvalues.mean()))) @ U.T
    out = whitening(x, regularization)(x)
    torch.testing.assert_close(covariance(out), expected, rtol=1e-9, atol=1e-9)
    assert out.mean(0).abs().max() < 1e-10


def test_the_zca_matrix_is_symmetric_and_stays_closest_to_the_image(x):
    W = whitening(x, 0.1).matrix
    torch.testing.assert_close(W, W.T)
    assert torch.linalg.eigvalsh(W).min() > 0  # a rotation of the axes, as PCA whitening has, is excluded


def test_chunks_change_nothing(x, monkeypatch):
    whole = [fit(name, x, 0.1)(x) for name in ("standardize", "zca")]
    monkeypatch.setattr("geomsym.data.preprocess.CHUNK", 7)
    for name, expected in zip(("standardize", "zca"), whole, strict=True):
        torch.testing.assert_close(fit(name, x, 0.1)(x), expected, rtol=1e-10, atol=1e-10)


def test_float32_images_stay_float32_and_are_computed_in_float64(x):
    single = x.float()
    out = fit("zca", single, 0.1)(single)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, fit("zca", single.double(), 0.1)(single.double()).float(), rtol=0, atol=0)


def test_none_changes_nothing(x):
    fitted = fit("none", x, 0.1)
    assert isinstance(fitted, Unchanged)
    assert fitted(x) is x


def test_zca_of_equal_images_is_refused():
    with pytest.raises(ConfigError, match=r"data\.preprocess=zca: the training images are all equal"):
        whitening(torch.ones(5, 1, 2, 2), 0.1)


def test_zca_of_large_images_names_the_size():
    x = torch.zeros(1, LARGEST_ZCA + 1, 1, 1)
    with pytest.raises(ConfigError, match=r"data\.preprocess=zca: whitening 16385 coordinates takes a 16385×16385"):
        whitening(x, 0.1)
