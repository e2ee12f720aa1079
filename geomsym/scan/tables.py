"""The tables of one network's geometry over training, from the weights that it had at some steps.

A row of `geometry` is one point at one training step in one layer. A row of `spectra` is one eigenvalue of the metric.
A row of `anchors` is a sample that defines the slice, or a training point in it.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GeometryConfig, PathConfig, SampledConfig
from geomsym.data import Dataset
from geomsym.geometry.curvature import estimated_scalar_curvature, scalar_curvature
from geomsym.geometry.jacobian import FeatureMap
from geomsym.geometry.slices import Slice
from geomsym.geometry.volume import Volume, slice_volume, volume
from geomsym.inference import ReportProgress, silent
from geomsym.scan.networks import State, maps_of, network_of, outputs_at
from geomsym.scan.slice_choice import anchors_of, slice_of
from geomsym.seeds import torch_generator

EXACT_DIMENSIONS = 16
"""Input dimensions up to which curvature «auto» is exact."""


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
    networks = {step: network_of(specs, data, state) for step, state in sorted(states.items())}
    last = networks[max(networks)]
    where = slice_of(data, cfg, last)
    labels = list(maps_of(last, data, cfg))
    done, total = 0, len(networks) * len(labels) * len(where.points)
    geometry, spectra = [], []
    report(0, total, "points")
    for step, network in networks.items():
        outputs = outputs_at(network, data, where.points)
        for label, features in maps_of(network, data, cfg).items():
            found = volume(features, where.points, **_policy(cfg), top_k=cfg.top_k, spectrum=cfg.spectrum)
            geometry.append(_rows(where, cfg, outputs, features, found, seed).assign(step=step, layer=label))
            if found.spectrum is not None:
                spectra.append(_spectrum(found.spectrum, cfg.floor).assign(step=step, layer=label))
            done += len(where.points)
            report(done, total, "points")
    return Scan(pd.concat(geometry), pd.concat(spectra) if spectra else pd.DataFrame(), anchors_of(where, data, cfg))


def check_scan(specs: Specs, data: Dataset, cfg: GeometryConfig) -> None:
    """Raise the error of a scan that couldn't be done, from an untrained network."""
    network = build(specs, data.input_shape, dtype=torch.float64).to(data.train.x.device)
    if isinstance(cfg, SampledConfig) and cfg.choice == "boundary":
        cfg = replace(cfg, choice="nearest")  # where the boundary will be nobody knows
    slice_of(data, cfg, network)
    maps_of(network, data, cfg)


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
