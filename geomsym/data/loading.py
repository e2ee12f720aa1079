"""From a config to tensors: open the source, choose examples, shuffle labels, mirror, preprocess."""

import numpy as np
import torch
from torch import Tensor

from geomsym.config import DataConfig
from geomsym.data.base import Indices, LabelledImages
from geomsym.data.dataset import Dataset, Split
from geomsym.data.magnitude import check_magnitude
from geomsym.data.preprocess import Preprocessing, fit
from geomsym.data.registry import entry_of, source_folder
from geomsym.data.subsets import partition
from geomsym.distinct import on_distinct
from geomsym.errors import ConfigError
from geomsym.seeds import numpy_generator


def load(cfg: DataConfig, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Dataset:
    """The data set that a config describes, images of `dtype` on `device`.

    Raises `ConfigError` for values that do not fit the data, `DataError` for files that are missing or
    malformed.

    Points of the plane are images of two channels and one pixel:

    >>> from geomsym.config import XorConfig
    >>> load(XorConfig(noise_variance=0)).input_shape
    (2, 1, 1)
    """
    source = entry_of(cfg).open(cfg, source_folder(cfg))
    chosen = partition(source, cfg)
    training, testing = f"data={cfg.name}: training image", f"data={cfg.name}: test image"
    train = _read(source.train, chosen.train, dtype, training)
    held_out = chosen.validation
    validation = _read(source.train, held_out, dtype, training) if len(held_out) else _empty_like(train)
    test = _read(source.test, chosen.test, dtype, testing)
    if cfg.shuffle_labels:
        train = shuffled(train, cfg.seed)
    if cfg.flip:
        train = mirrored(train)
    fitted = fit(cfg.preprocess, train.x, cfg.zca_regularization)
    train, validation, test = (_finished(split, fitted, device) for split in (train, validation, test))
    return Dataset(train, validation, test, source.class_names)


def inspect(cfg: DataConfig) -> tuple[tuple[int, int, int], int]:
    """The shape (c, h, w) of the images that a config describes, and the number of classes K.

    From the labels and one image, so that a config can be tried before much time is spent. Raises as `load`.
    """
    source = entry_of(cfg).open(cfg, source_folder(cfg))
    first = _read(source.train, partition(source, cfg).train[:1], torch.float64, f"data={cfg.name}: training image")
    c, h, w = (mirrored(first) if cfg.flip else first).x.shape[1:]
    return (c, h, w), len(source.class_names)


def shuffled(split: Split, seed: int) -> Split:
    """The split with its labels in a random order, each as often as before."""
    order = numpy_generator(seed, "data.shuffle_labels").permutation(len(split))
    return Split(split.x, split.y[torch.from_numpy(order)])


def mirrored(split: Split) -> Split:
    """The split [n] followed by the left-right mirror image of each of its images: [2n]."""
    if split.x.shape[-1] == 1:
        raise ConfigError("data.flip", True, "points and vectors have no left and right: give false")
    return Split(torch.cat([split.x, split.x.flip(-1)]), torch.cat([split.y, split.y]))


def _read(pool: LabelledImages, index: Indices, dtype: torch.dtype, name: str) -> Split:
    x = torch.from_numpy(np.ascontiguousarray(pool.read(index)))
    check_magnitude(x, dtype, name, torch.from_numpy(index))
    return Split(x.to(dtype), _labels(pool, index))


def _labels(pool: LabelledImages, index: Indices) -> Tensor:
    return torch.from_numpy(pool.labels[index].astype(np.int64))


def _empty_like(split: Split) -> Split:
    return Split(split.x[:0], split.y[:0])


def _finished(split: Split, fitted: Preprocessing, device: torch.device | str) -> Split:
    return Split(on_distinct(fitted, split.x).to(device), split.y.to(device))
