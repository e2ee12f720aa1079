"""The embedded digits: every image in one pool, scaled, in one or three channels."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from geomsym.config import DigitsConfig
from geomsym.data import load
from geomsym.data.digits import open_digits


def everything(source):
    return np.concatenate([pool.read(np.arange(len(pool.labels))) for pool in (source.train, source.test)])


def test_the_pools_partition_the_1797_digits():
    source = open_digits(DigitsConfig(channels=1), None)
    assert (len(source.train.labels), len(source.test.labels)) == (1297, 500)
    assert np.bincount(source.test.labels).tolist() == [50] * 10
    ours, theirs = everything(source).reshape(1797, 64), load_digits().data / 16
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)].astype(np.float32))


def test_labels_belong_to_their_images():
    source, (pixels, labels) = open_digits(DigitsConfig(channels=1), None), load_digits(return_X_y=True)
    known = {image.astype(np.float32).tobytes(): label for image, label in zip(pixels / 16, labels, strict=True)}
    images = source.train.read(np.arange(1297)).reshape(1297, 64)
    assert [known[image.tobytes()] for image in images] == source.train.labels.tolist()


def test_another_seed_is_another_split():
    one, other = (set(map(bytes, open_digits(DigitsConfig(seed=s), None).test.read(np.arange(500)))) for s in (0, 1))
    assert one != other


def test_three_channels_repeat_the_grey_one():
    data = load(DigitsConfig(channels=3, preprocess="none", subset_size=20))
    assert data.input_shape == (3, 8, 8)
    assert (data.train.x[:, :1] == data.train.x).all()
    assert data.train.x.min() == 0 and data.train.x.max() == 1


@pytest.mark.parametrize("side", [4, 16])
def test_digits_can_be_resized(side):
    assert load(DigitsConfig(image_size=side, subset_size=20)).input_shape == (3, side, side)
