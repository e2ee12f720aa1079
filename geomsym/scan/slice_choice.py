"""The slice of input space that a configuration asks for, through samples of a data set."""

from collections.abc import Iterator

import pandas as pd
from torch import nn

from geomsym.config import GeometryConfig, GridConfig, PathConfig, PlaneConfig, SampledConfig
from geomsym.data import Dataset
from geomsym.errors import ConfigError
from geomsym.geometry import slices
from geomsym.geometry.neighbours import class_indices, first_of_classes, nearest_pair, samples_by_index
from geomsym.geometry.slices import Slice
from geomsym.scan.networks import outputs_at


def slice_of(data: Dataset, cfg: GeometryConfig, network: nn.Module) -> Slice:
    """The slice where the geometry is measured; the `network` is needed to find its decision boundary."""
    if isinstance(cfg, GridConfig):
        low, high = cfg.bounds
        return slices.grid(data.train.x[0].numel(), (low, high), cfg.resolution)
    assert isinstance(cfg, SampledConfig)
    x = _split(data, cfg).x.flatten(1)
    if isinstance(cfg, PlaneConfig):
        first, second, third = _samples(data, cfg, network, 3)
        return slices.plane(x, (first, second, third), cfg.resolution, cfg.margin)
    assert isinstance(cfg, PathConfig)
    start, end = _samples(data, cfg, network, 2)
    match cfg.route:
        case "pca":
            return slices.principal_line(x, (start, end), cfg.points, cfg.components)
        case "data":
            return slices.data_path(x, (start, end), cfg.points, cfg.neighbours)
    return slices.line(x, (start, end), cfg.points)


def _samples(data: Dataset, cfg: SampledConfig, network: nn.Module, needed: int) -> tuple[int, ...]:
    split = _split(data, cfg)
    x = split.x.flatten(1)
    if cfg.samples is not None:
        return samples_by_index(x, cfg.samples, needed)
    classes = class_indices(cfg.classes, needed, data.class_names)
    if cfg.choice == "first":
        return first_of_classes(split.y, classes)
    if needed != 2:
        raise ConfigError("geometry.choice", cfg.choice, "joins two samples, and a plane takes three: give first")
    labels = split.y if cfg.choice == "nearest" else outputs_at(network, data, x.double()).argmax(1)
    return nearest_pair(x, labels, (classes[0], classes[1]))


def _split(data: Dataset, cfg: SampledConfig):
    return data.splits[cfg.split]


def anchors_of(where: Slice, data: Dataset, cfg: GeometryConfig) -> pd.DataFrame:
    """The samples that define a slice; of a grid, the training points inside."""
    return pd.DataFrame(list(_anchor_rows(where, data, cfg))).rename_axis("anchor").reset_index()


def _anchor_rows(where: Slice, data: Dataset, cfg: GeometryConfig) -> Iterator[dict]:
    if isinstance(cfg, GridConfig):
        low, high = cfg.bounds
        points = data.train.x.flatten(1)
        for index in ((points >= low) & (points <= high)).all(1).nonzero().flatten().tolist():
            u, v = points[index].tolist()
            yield {"split": "train", "index": index, "label": int(data.train.y[index]), "u": u, "v": v}
    else:
        assert isinstance(cfg, SampledConfig)
        for anchor in where.anchors:
            label = int(_split(data, cfg).y[anchor.index])
            yield {"split": cfg.split, "index": anchor.index, "label": label, **anchor.coordinates}
