"""A picture of the symmetry groups: one image under a random element of each, and along paths into them."""

from collections.abc import Callable, Iterable
from itertools import chain

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike
from torch import Tensor

from geomsym.errors import ConfigError
from geomsym.transforms import GROUPS, Group, sample_path, sample_transform

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
COLUMNS = 7
LABEL_COLUMNS = COLUMNS - len(STRENGTHS)  # what the paths leave of a row holds their names
FONT_SIZE = 6.5
TITLE_PAD = 3.0
Show = Callable[[Axes, Tensor], None]


def group_gallery(image: ArrayLike, seed: int = 0) -> Figure:
    """Draw one image [c, h, w], c = 1 or 3, under every group that acts on it.

    The first row shows a random element of each group. Below it, each group of rotations has a row along its
    path, t = 0, …, 1. The path ends at the element of the first row if that has determinant 1. No path reaches
    a reflection; where the element is one, colours at the end of the path differ.

    Give the image as networks see it, after preprocessing: rotations act about zero, and in an image that is
    not centred they also turn the mean. One linear scale for the whole figure maps the original's range, from
    its 1st to its 99th percentile, to black…white, so that the original looks natural. Values outside this
    range are clipped.

    Raises a `ConfigError` for other shapes, and for an image too large for `global_rotation`.
    """
    x = torch.as_tensor(image, dtype=torch.float64)
    if x.ndim != 3 or x.shape[0] not in (1, 3):
        raise ConfigError("image.shape", list(x.shape), "give one image [c, h, w] of 1 or 3 channels")
    groups = [group for group in GROUPS.values() if group.applies_to((x.shape[0], x.shape[1], x.shape[2]))]
    rotations = [group for group in groups if group.is_rotation]
    figure, rows = _panels(1 + len(rotations))
    _draw_elements(rows[0], x, groups, seed, shown_on_scale_of(x))
    for row, group in zip(rows[1:], rotations, strict=True):
        _draw_path(row, x, group, seed, shown_on_scale_of(x))
    return figure


def _panels(count: int) -> tuple[Figure, list[list[Axes]]]:
    """A figure of `count` rows of square panels without axes, as wide as a printed page."""
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.04, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=(COLUMNS, 1.07 * count + 0.3), layout=layout, dpi=200)
    rows = figure.subplots(count, COLUMNS, squeeze=False).tolist()
    for axes in chain.from_iterable(rows):
        axes.set_axis_off()
    return figure, rows


def shown_on_scale_of(original: Tensor) -> Show:
    """A function that draws images on the linear scale that takes the original's 1st and 99th percentile to 0 and 1."""
    low, high = original.quantile(0.01), original.quantile(0.99)
    span = (high - low).clamp_min(torch.finfo(original.dtype).tiny)  # a constant image is black, not undefined

    def show(axes: Axes, image: Tensor) -> None:
        pixels = ((image - low) / span).clamp(0, 1).permute(1, 2, 0)
        axes.imshow(pixels.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")

    return show


def _draw_elements(row: list[Axes], x: Tensor, groups: Iterable[Group], seed: int, show: Show) -> None:
    for axes, group in zip(row, groups, strict=False):
        tau = sample_transform(group.name, (x.shape[0], x.shape[1], x.shape[2]), seed, dtype=x.dtype)
        show(axes, tau(x))
        axes.set_title(f"{symbol(group, x)}\n{group.name}", fontsize=FONT_SIZE, pad=TITLE_PAD)


def _draw_path(row: list[Axes], x: Tensor, group: Group, seed: int, show: Show) -> None:
    path = sample_path(group.name, (x.shape[0], x.shape[1], x.shape[2]), seed)
    axes = row[LABEL_COLUMNS - 1]
    label = f"path into {symbol(group, x)}\n{group.name}"
    axes.text(0.95, 0.5, label, fontsize=FONT_SIZE, ha="right", va="center", transform=axes.transAxes)
    for axes, t in zip(row[LABEL_COLUMNS:], STRENGTHS, strict=True):
        show(axes, path.at(t)(x))
        axes.set_title(f"$t = {t:g}$", fontsize=FONT_SIZE, pad=TITLE_PAD)


def symbol(group: Group, x: Tensor) -> str:
    """The group's symbol, which is written for three channels: grey images have d coordinates, not 3d."""
    return group.symbol if x.shape[0] == 3 else group.symbol.replace("3", "")
