"""The way from a config to tensors, over every source that needs no files."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from geomsym.config import DataConfig, DigitsConfig, PhotoPatchesConfig, SinusoidConfig, XorConfig
from geomsym.data import SOURCES, fingerprint, load
from geomsym.errors import ConfigError

torch.set_num_threads(1)
EMBEDDED = [PhotoPatchesConfig, DigitsConfig, XorConfig, SinusoidConfig]


@pytest.mark.parametrize("config", EMBEDDED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_splits_have_the_sizes_types_and_classes_asked_for(config, dtype):
    data = load(config(subset_size=40, validation_size=20, test_size=30), dtype)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [40, 20, 30]
    for split in (data.train, data.validation, data.test):
        assert split.x.shape == (len(split), *data.input_shape)
        assert (split.x.dtype, split.y.dtype) == (dtype, torch.int64)
        assert split.y.bincount().tolist() == [len(split) // data.classes] * data.classes
        assert split.x.isfinite().all()


@pytest.mark.parametrize("config", EMBEDDED)
def test_the_same_config_is_the_same_data(config):
    first, again = load(config(subset_size=20)), load(config(subset_size=20))
    assert torch.equal(first.train.x, again.train.x) and torch.equal(first.train.y, again.train.y)
    assert torch.equal(first.test.x, again.test.x) and torch.equal(first.test.y, again.test.y)


def test_without_a_validation_size_the_validation_split_is_empty():
    data = load(DigitsConfig(subset_size=20))
    assert data.validation.x.shape == (0, 3, 8, 8)
    assert data.validation.y.shape == (0,)


def test_flip_appends_the_mirror_images_of_the_training_set_only():
    values = {"subset_size": 20, "validation_size": 10, "preprocess": "none"}
    plain, flipped = load(DigitsConfig(**values)), load(DigitsConfig(**values, flip=True))
    mirror = torch.from_numpy(np.ascontiguousarray(plain.train.x.numpy()[..., ::-1]))
    assert torch.equal(flipped.train.x, torch.cat([plain.train.x, mirror]))
    assert torch.equal(flipped.train.y, plain.train.y.repeat(2))
    assert torch.equal(flipped.validation.x, plain.validation.x)
    assert torch.equal(flipped.test.x, plain.test.x)


def test_preprocessing_is_fitted_on_the_training_images_and_their_mirror_images():
    values = {"subset_size": 60, "validation_size": 30, "channels": 1}
    raw = load(DigitsConfig(**values, preprocess="none", flip=True), torch.float64)
    data = load(DigitsConfig(**values, preprocess="standardize", flip=True), torch.float64)
    mean, deviation = raw.train.x.mean(), raw.train.x.std(correction=0)
    for split, plain in ((data.train, raw.train), (data.validation, raw.validation), (data.test, raw.test)):
        torch.testing.assert_close(split.x, (plain.x - mean) / deviation, rtol=1e-12, atol=1e-12)


def test_zca_sees_the_mirror_images():
    """Whitening by a mirrored set commutes with mirroring: whitened images come in mirrored pairs."""
    x = load(DigitsConfig(subset_size=50, preprocess="zca", flip=True), torch.float64).train.x
    torch.testing.assert_close(x[50:], x[:50].flip(-1), rtol=1e-8, atol=1e-8)


def test_an_unknown_source_and_a_config_of_another_class_are_refused():
    with pytest.raises(ConfigError, match=r"data\.name=digit: not one of .*did you mean 'digits'\?"):
        load(DataConfig(name="digit"))
    with pytest.raises(ConfigError, match=r"data\.name=xor: is configured by XorConfig, not DataConfig"):
        load(DataConfig(name="xor"))


def test_every_member_is_registered_under_its_name_with_a_summary_of_one_line():
    assert list(SOURCES) == [
        "photo_patches", "digits", "xor", "sinusoid", "mnist", "cifar10", "image_folder", "arrays",
    ]  # fmt: skip
    for name, member in SOURCES.items():
        assert member.name == name
        assert member.summary and "\n" not in member.summary
        assert issubclass(member.config, DataConfig)
    assert [name for name, member in SOURCES.items() if member.fetch] == ["mnist", "cifar10"]


@pytest.mark.parametrize("config", EMBEDDED)
def test_sources_that_the_config_determines_have_no_fingerprint(config):
    assert fingerprint(config()) is None


def test_importing_the_package_imports_no_image_library():
    heavy = "{'torchvision', 'sklearn', 'skimage', 'PIL', 'scipy'}"
    code = f"import sys, geomsym.data; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
