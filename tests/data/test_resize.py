"""Resizing: closed forms, PIL as the reference, and images that can't be resized."""

import numpy as np
import pytest
from PIL import Image

from geomsym.data.resize import check_resizable, resized
from geomsym.errors import ConfigError


def test_a_linear_image_stays_linear_inside():
    column = np.arange(32.0)
    images = np.broadcast_to(column, (1, 1, 32, 32)).copy()
    out = resized(images, 8)[0, 0]
    assert out.shape == (8, 8)
    assert np.allclose(out[:, 1:-1], 4 * np.arange(1, 7) + 1.5)  # centres of blocks of four


def test_shrinking_is_the_filter_of_pil():
    image = np.random.default_rng(0).random((20, 20)).astype(np.float32)
    reference = np.asarray(Image.fromarray(image).resize((7, 7), Image.Resampling.BILINEAR))
    assert np.abs(resized(image[None, None], 7)[0, 0] - reference).max() < 1e-5


def test_null_and_the_own_size_change_nothing():
    images = np.random.default_rng(0).random((2, 3, 5, 5))
    assert resized(images, None) is images
    assert resized(images, 5) is images


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 7, 1, 1), r"data\.image_size=8: points and vectors have no size: leave it null"),
        ((4, 3, 8, 6), r"data\.image_size=8: images are 8×6, not square: crop them first"),
    ],
)
def test_shapes_without_a_square_side_are_refused(shape, message):
    check_resizable(shape, None)
    check_resizable((4, 3, 6, 6), 8)
    with pytest.raises(ConfigError, match=message):
        check_resizable(shape, 8)
