"""The picture of the groups: which panels there are, what they show, and that it draws."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch

from geomsym.errors import ConfigError
from geomsym.plotting.group_gallery import group_gallery
from geomsym.transforms import GROUPS, sample_transform


def drawn(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 4, 4))


def test_colour_images_have_every_group_and_path(photo):
    axes = drawn(group_gallery(photo, seed=1))
    titles = [a.get_title() for a in axes]
    assert titles[:7] == [f"{group.symbol}\n{name}" for name, group in GROUPS.items()]
    assert titles[7:] == 3 * [f"$t = {t:g}$" for t in (0, 0.25, 0.5, 0.75, 1)]


def test_grey_images_have_the_groups_that_act_on_them(photo):
    titles = [a.get_title() for a in drawn(group_gallery(photo[:1]))]
    assert titles[:3] == ["$I$\nidentity", "$P(d)$\nglobal_permutation", "$O(d)$\nglobal_rotation"]
    assert len(titles) == 8


def test_one_linear_scale_maps_the_originals_inner_range_to_black_and_white(photo):
    axes = drawn(group_gallery(photo, seed=1))
    low, high = np.quantile(photo, [0.01, 0.99])
    x = torch.from_numpy(photo)
    for a, name in zip(axes, GROUPS, strict=False):
        y = sample_transform(name, (3, 4, 4), 1, dtype=torch.float64)(x).numpy().transpose(1, 2, 0)
        np.testing.assert_allclose(a.images[0].get_array(), np.clip((y - low) / (high - low), 0, 1), atol=1e-12)
    for start in (7, 12, 17):
        np.testing.assert_allclose(axes[start].images[0].get_array(), axes[0].images[0].get_array(), atol=1e-12)


def test_titles_do_not_overlap(photo):
    figure = group_gallery(photo)
    figure.savefig(io.BytesIO(), format="png")
    top = [a.title.get_window_extent() for a in drawn(figure)[:7]]
    assert all(left.x1 < right.x0 for left, right in pairwise(top))
    assert top[0].x0 >= 0 and top[-1].x1 <= figure.bbox.x1 and max(box.y1 for box in top) <= figure.bbox.y1


def test_a_constant_image_is_drawn():
    group_gallery(np.ones((3, 2, 2))).savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (5, 3, 4, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ConfigError, match=r"image\.shape=.*1 or 3 channels"):
        group_gallery(np.zeros(shape))
