"""Points of a square on the two sides of a sine curve (Zavatone-Veth et al. 2023)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomsym.config import SinusoidConfig
from geomsym.data.base import LabelledImages, Labels, Source, SourceEntry
from geomsym.data.in_memory import in_memory
from geomsym.seeds import numpy_generator

POOL = 20_000


def open_sinusoid(cfg: SinusoidConfig, folder: Path) -> Source:
    """Uniform points of [−1, 1]², labelled by `above`; two pools of 20,000. Nothing is read from `folder`.

    A subset of given size has as many points above the curve as below; uniform points have 52 % above.
    """
    return Source(_pool(cfg, "train"), _pool(cfg, "test"), ("below", "above"))


def above(points: NDArray) -> Labels:
    """1 where x₂ > 0.6·sin(7·x₁ − 1), else 0, for points [n, 2]."""
    x1, x2 = points.T
    return (x2 > 0.6 * np.sin(7 * x1 - 1)).astype(np.int64)


def _pool(cfg: SinusoidConfig, part: str) -> LabelledImages:
    points = numpy_generator(cfg.seed, f"data.sinusoid.{part}").uniform(-1, 1, (POOL, 2))
    return in_memory(points[:, :, None, None], above(points), cfg.image_size)


ENTRY = SourceEntry(
    "sinusoid", SinusoidConfig, "points in the plane, generated: two sides of a sine curve", open_sinusoid
)
