"""The geometry of one network's representation over training, measured on a slice of input space, as tables.

A row of `geometry` is one point at one training step in one layer. A row of `spectra` is one eigenvalue of the metric.
A row of `anchors` is a sample that defines the slice, or a training point in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GeometryConfig, GridConfig, PathConfig, PlaneConfig, SampledConfig
from geomsym.data import Dataset
from geomsym.errors import ConfigError, DataError
from geomsym.geometry import slices
from geomsym.geometry.curvature import estimated_scalar_curvature, scalar_curvature
from geomsym.geometry.feature_maps import feature_map, feature_maps
from geomsym.geometry.jacobian import FeatureMap
from geomsym.geometry.neighbours import class_indices, first_of_classes, nearest_pair, samples_by_index
from geomsym.geometry.slices import Slice
from geomsym.geometry.volume import Volume, slice_volume, volume
from geomsym.inference import ReportProgress, silent
from geomsym.seeds import torch_generator

State = dict[str, Tensor]
"""A network's parameters by name."""

EXACT_DIMENSIONS = 16
"""Input dimensions up to which curvature «auto» is exact."""

BATCH = 1024
"""The number of points whose outputs are computed at a time."""


@dataclass(frozen=True)
class Scan:
    """Tables with the columns of `geomsym.results`, all but run_id and scan."""

    geometry: pd.DataFrame
    spectra: pd.DataFrame
    anchors: pd.DataFrame


def scan(
    specs: Specs,
    data: Dataset,
    states: dict[int, State],
    cfg: GeometryConfig,
    seed: int,
    report: ReportProgress = silent,
) -> Scan:
    """Measure a network of these layers with each of the `states`, parameters by training step.

    `data` is what it was trained on, transformed; `seed` draws the random directions of estimated curvature. Raises
    `ConfigError` and `DataError` where the slice doesn't fit the data or the network has no such layer.
    """
    networks = {step: _network(specs, data, state) for step, state in sorted(states.items())}
    last = networks[max(networks)]
    where = slice_of(data, cfg, last)
    labels = list(_maps(last, data, cfg))
    done, total = 0, len(networks) * len(labels) * len(where.points)
    geometry, spectra = [], []
    for step, network in networks.items():
        outputs = _outputs(network, data, where.points)
        for label, features in _maps(network, data, cfg).items():
            found = volume(features, where.points, **_policy(cfg), top_k=cfg.top_k, spectrum=cfg.spectrum)
            geometry.append(_rows(where, cfg, outputs, features, found, seed).assign(step=step, layer=label))
            if found.spectrum is not None:
                spectra.append(_spectrum(found.spectrum, cfg.floor).assign(step=step, layer=label))
            done += len(where.points)
            report(done, total, "points")
    return Scan(pd.concat(geometry), pd.concat(spectra) if spectra else pd.DataFrame(), _anchors(where, data, cfg))


def check_scan(specs: Specs, data: Dataset, cfg: GeometryConfig) -> None:
    """Raise the error of a scan that couldn't be done, from an untrained network."""
    network = build(specs, data.input_shape, dtype=torch.float64).to(data.train.x.device)
    if isinstance(cfg, SampledConfig) and cfg.choice == "boundary":
        cfg = replace(cfg, choice="nearest")  # where the boundary will be nobody knows
    slice_of(data, cfg, network)
    _maps(network, data, cfg)


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
    labels = split.y if cfg.choice == "nearest" else _outputs(network, data, x.double()).argmax(1)
    return nearest_pair(x, labels, (classes[0], classes[1]))


def _split(data: Dataset, cfg: SampledConfig):
    return data.splits[cfg.split]


def _network(specs: Specs, data: Dataset, state: State) -> nn.Module:
    network = build(specs, data.input_shape, dtype=torch.float64).to(data.train.x.device)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        found = "the weights in checkpoint.pt are not of the run's network"
        raise DataError(f"{found}; delete the run's folder, and the same command trains it again") from error
    return network


def _maps(network: nn.Module, data: Dataset, cfg: GeometryConfig) -> dict[str, FeatureMap]:
    """The feature maps of the configured layers, by the layers' names."""
    match cfg.layer:
        case None:
            return {"last": feature_map(network, data.input_shape)}
        case "all":
            return {str(k): features for k, features in feature_maps(network, data.input_shape).items()}
        case number if number.isdecimal():
            return {number: feature_map(network, data.input_shape, int(number))}
        case name:
            return {name: feature_map(network, data.input_shape, name)}


@torch.no_grad()
def _outputs(network: nn.Module, data: Dataset, points: Tensor) -> Tensor:
    """The network's outputs [p, K] at points [p, d], float64."""
    return torch.cat([network(block.reshape(-1, *data.input_shape)) for block in points.split(BATCH)])


def _policy(cfg: GeometryConfig) -> dict:
    return {"floor": cfg.floor, "normalization": cfg.normalization}


def _rows(
    where: Slice, cfg: GeometryConfig, outputs: Tensor, features: FeatureMap, found: Volume, seed: int
) -> pd.DataFrame:
    """One row for each point, for one network and layer."""
    along = slice_volume(features, where.points, where.tangents, **_policy(cfg))
    curvature, error = _curvature(features, where.points, cfg, seed)
    largest = outputs.topk(2, dim=1).values
    columns = {
        "point": torch.arange(len(where.points)),
        **where.coordinates,
        "log_volume": found.log_volume,
        "rank": found.rank,
        "kept": found.kept,
        "slice_log_volume": along.log_volume,
        "scalar_curvature": curvature,
        "curvature_error": error,
        "predicted_class": outputs.argmax(1),
        "entropy": torch.special.entr(outputs.softmax(1)).sum(1),
        "margin": largest[:, 0] - largest[:, 1],
    }
    constants = {
        "kind": where.kind,
        "path": cfg.route if isinstance(cfg, PathConfig) else None,
        "normalization": cfg.normalization,
        "convention": cfg.convention,
        "floor": cfg.floor,
        "top_k": cfg.top_k,
    }
    return pd.DataFrame({name: values.cpu().numpy() for name, values in columns.items()}).assign(**constants)


def _curvature(features: FeatureMap, x: Tensor, cfg: GeometryConfig, seed: int) -> tuple[Tensor, Tensor]:
    """Scalar curvature and its standard error [p]; nan where there is none."""
    missing = x.new_full((len(x),), torch.nan)
    exact = cfg.curvature == "exact" or (cfg.curvature == "auto" and x.shape[1] <= EXACT_DIMENSIONS)
    if exact:
        return scalar_curvature(features, x, **_policy(cfg), convention=cfg.convention), missing
    if cfg.curvature == "estimate":
        generator = torch_generator(seed, "geometry.curvature")
        directions = {"directions": cfg.directions, "frames": cfg.frames}
        found = estimated_scalar_curvature(features, x, generator, **directions, **_policy(cfg))
        return found.value, found.standard_error
    return missing, missing


def _spectrum(singular_values: Tensor, floor: float) -> pd.DataFrame:
    """The eigenvalues of the metric, from singular values [p, r] of J: means and quantiles of their logarithms."""
    s = singular_values.cpu().numpy()
    eigenvalues = np.where(s > floor * s[:, :1], s, np.nan) ** 2
    measured = np.isfinite(eigenvalues).any(0)
    logs = np.log(eigenvalues[:, measured])
    low, high = np.nanquantile(logs, [0.05, 0.95], axis=0)
    index = np.flatnonzero(measured) + 1
    return pd.DataFrame({"index": index, "log_eigenvalue": np.nanmean(logs, axis=0), "low": low, "high": high})


def _anchors(where: Slice, data: Dataset, cfg: GeometryConfig) -> pd.DataFrame:
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
