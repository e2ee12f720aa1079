"""Patches of the embedded photographs: where they are cut, how they are normalised."""

import numpy as np
import pytest

from geomsym.config import PhotoPatchesConfig
from geomsym.data import load
from geomsym.data.photo_patches import (
    PHOTOGRAPHS,
    averaged_crops,
    contrasts,
    corners,
    normalized,
    open_photo_patches,
    photograph,
    places,
)
from geomsym.errors import ConfigError, DataError


def test_training_crops_lie_in_the_left_60_percent_and_test_crops_in_the_right_40():
    for name in PHOTOGRAPHS:
        shape = photograph(name).shape
        for part in ("train", "test"):
            rows, columns = corners(shape, 16, part, 3000, np.random.default_rng(0)).T
            assert rows.min() >= 0 and rows.max() + 16 <= shape[1]
            assert columns.min() >= 0 and columns.max() + 16 <= shape[2]
            if part == "train":
                assert columns.max() + 16 <= 0.6 * shape[2]
            else:
                assert columns.min() >= 0.6 * shape[2]


def test_every_position_inside_its_part_is_drawn():
    places = corners((3, 17, 30), 16, "train", 300, np.random.default_rng(0))
    assert {tuple(place) for place in places} == {(row, column) for row in (0, 1) for column in (0, 1, 2)}
    places = corners((3, 16, 42), 16, "test", 300, np.random.default_rng(0))  # columns 26 … 41 exactly
    assert {tuple(place) for place in places} == {(0, 26)}


def test_a_patch_is_the_normalised_crop_of_its_photograph():
    """Undo nothing: find the crop by searching the photograph for it, for a few patches of one class."""
    cfg = PhotoPatchesConfig(crop_size=4, image_size=4, seed=5)
    pool = open_photo_patches(cfg, None).train
    chelsea = list(PHOTOGRAPHS).index("chelsea")
    index = np.flatnonzero(pool.labels == chelsea)[:2]
    left = photograph("chelsea")[:, :, : 3 * 451 // 5].astype(float) / 255
    crops = np.lib.stride_tricks.sliding_window_view(left, (4, 4), axis=(1, 2))
    crops = crops.transpose(1, 2, 0, 3, 4).reshape(-1, 3, 4, 4)
    candidates = normalized(crops[contrasts(crops) > 0.001])
    for patch in pool.read(index):
        assert np.abs(candidates - patch).max((1, 2, 3)).min() < 1e-5


def test_averaged_crops_are_means_over_blocks_of_pixels():
    pixels = photograph("coffee") / 255
    crops = averaged_crops("coffee", np.array([[0, 0], [7, 100]]), 6, 3)
    assert crops.shape == (2, 3, 3, 3)
    assert crops[1, 2, 0, 2] == pytest.approx(pixels[2, 7:9, 104:106].mean(), abs=1e-15)
    assert np.allclose(averaged_crops("coffee", np.array([[7, 100]]), 6, 6)[0], pixels[:, 7:13, 100:106])


def test_a_normalised_patch_has_no_mean_colour_and_unit_contrast():
    patches = np.random.default_rng(0).random((20, 3, 8, 8)) * 0.1 + 0.7
    out = normalized(patches)
    assert np.abs(out.mean((2, 3))).max() < 1e-12
    assert np.allclose((out**2).mean((1, 2, 3)), 1)
    assert np.allclose(normalized(0.5 * patches + 0.1), out)  # neither brightness nor contrast matters


def test_blank_patches_are_left_out():
    """The retina's black margin has some among crops drawn blindly: the control."""
    blind = corners(photograph("retina").shape, 16, "train", 2000, np.random.default_rng(0))
    assert (contrasts(averaged_crops("retina", blind, 16, 8)) < 0.001).mean() > 0.05
    chosen = places("retina", "train", 2000, 16, 8, seed=0)
    assert contrasts(averaged_crops("retina", chosen, 16, 8)).min() > 0.001


def test_patches_of_one_pixel_are_all_blank_and_refused():
    with pytest.raises(ConfigError, match=r"data\.crop_size=4: averaged to 1×1, patches of astronaut are blank"):
        load(PhotoPatchesConfig(crop_size=4, image_size=1))


def test_patches_depend_on_the_seed_alone_and_pools_hold_6000_of_each_class():
    first, again, other = (open_photo_patches(PhotoPatchesConfig(seed=seed), None) for seed in (1, 1, 2))
    index = np.arange(0, 50_000, 997)
    assert np.array_equal(first.train.read(index), again.train.read(index))
    assert not np.array_equal(first.train.read(index), other.train.read(index))
    assert np.bincount(first.train.labels).tolist() == [5000] * 10
    assert np.bincount(first.test.labels).tolist() == [1000] * 10


def test_the_default_data_set_is_400_and_400_patches_of_3_by_8_by_8():
    data = load(PhotoPatchesConfig())
    assert data.train.x.shape == data.test.x.shape == (400, 3, 8, 8)
    assert data.train.y.bincount().tolist() == [40] * 10
    assert data.class_names[1] == "chelsea"


def test_without_an_image_size_crops_are_kept():
    assert load(PhotoPatchesConfig(crop_size=12, image_size=None, subset_size=10)).input_shape == (3, 12, 12)


def test_photographs_are_those_of_scikit_image_and_scikit_learn():
    from skimage import data
    from sklearn.datasets import load_sample_image

    sources = {
        "immunohistochemistry": data.immunohistochemistry,
        "stereo_motorcycle": lambda: data.stereo_motorcycle()[0],
    }
    for name in ("astronaut", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket"):
        sources[name] = getattr(data, name)
    for name in ("china", "flower"):
        sources[name] = lambda name=name: load_sample_image(f"{name}.jpg")
    assert set(sources) == set(PHOTOGRAPHS)
    for name, read in sources.items():
        assert np.array_equal(photograph(name).transpose(1, 2, 0), read()), name


def test_a_crop_too_large_for_a_photograph_names_the_largest():
    with pytest.raises(ConfigError, match=r"data\.crop_size=181: the smallest photograph has room for 180"):
        load(PhotoPatchesConfig(crop_size=181, image_size=181))
    assert load(PhotoPatchesConfig(crop_size=180, image_size=2, subset_size=10, test_size=10)).input_shape == (3, 2, 2)


def test_a_photograph_missing_from_its_wheel_is_named(monkeypatch):
    monkeypatch.setitem(PHOTOGRAPHS, "lost", ("skimage", "data/lost.png"))
    with pytest.raises(DataError, match=r"lost\.png: can't be read .*reinstall skimage"):
        photograph("lost")
