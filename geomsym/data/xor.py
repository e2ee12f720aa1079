"""The exclusive or on the plane, exact or noisy (Zavatone-Veth et al. 2023)."""

from pathlib import Path

import numpy as np

from geomsym.config import XorConfig
from geomsym.data.base import LabelledImages, Source, SourceEntry
from geomsym.data.in_memory import in_memory
from geomsym.errors import ConfigError
from geomsym.seeds import numpy_generator

CORNERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
LABELS = np.array([0, 1, 1, 0])  # 1 where the coordinates of the corner differ in sign
POOL = 20_000


def open_xor(cfg: XorConfig, folder: Path) -> Source:
    """Points corner + noise, noise ~ N(0, noise_variance·I), with the label of their corner.

    A point that the noise carries over an axis keeps its corner's label, so that a few are on the wrong side.
    Both pools have 20,000 points, a quarter at each corner. Without noise, the four corners are the training
    and the test set, whatever sizes are asked for. Nothing is read from `folder`.
    """
    names = ("same sign", "opposite signs")
    if cfg.noise_variance == 0:
        return _corners(cfg, names)
    return Source(_cloud(cfg, "train"), _cloud(cfg, "test"), names)


def _corners(cfg: XorConfig, names: tuple[str, ...]) -> Source:
    if cfg.validation_size:
        reason = "without noise there are four points and none to spare: give 0, or a positive data.noise_variance"
        raise ConfigError("data.validation_size", cfg.validation_size, reason)
    four = in_memory(CORNERS[:, :, None, None], LABELS, cfg.image_size)
    return Source(four, four, names, whole=True)


def _cloud(cfg: XorConfig, part: str) -> LabelledImages:
    corner = np.arange(POOL) % len(CORNERS)
    noise = numpy_generator(cfg.seed, f"data.xor.{part}").standard_normal((POOL, 2))
    points = CORNERS[corner] + np.sqrt(cfg.noise_variance) * noise
    return in_memory(points[:, :, None, None], LABELS[corner], cfg.image_size)


ENTRY = SourceEntry("xor", XorConfig, "points in the plane, generated: exclusive or, exact or noisy", open_xor)
