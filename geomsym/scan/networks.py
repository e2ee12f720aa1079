"""What is measured of a network: the feature maps of its layers, and its outputs at points of input space."""

import torch
from torch import Tensor, nn

from geomsym.architectures import build
from geomsym.architectures.layer_specs import Specs
from geomsym.config import GeometryConfig
from geomsym.data import Dataset
from geomsym.errors import DataError
from geomsym.geometry.feature_maps import feature_map, feature_maps
from geomsym.geometry.jacobian import FeatureMap

State = dict[str, Tensor]
"""A network's parameters by name."""

BATCH = 1024
"""The number of points whose outputs are computed at a time."""


def network_of(specs: Specs, data: Dataset, state: State) -> nn.Module:
    """The network with these parameters, in float64; raises `DataError` where they are another network's."""
    network = build(specs, data.input_shape, dtype=torch.float64).to(data.train.x.device)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        found = "the weights in checkpoint.pt are not of the run's network"
        raise DataError(f"{found}; delete the run's folder, and the same command trains it again") from error
    return network


def maps_of(network: nn.Module, data: Dataset, cfg: GeometryConfig) -> dict[str, FeatureMap]:
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
def outputs_at(network: nn.Module, data: Dataset, points: Tensor) -> Tensor:
    """The network's outputs [p, K] at points [p, d], float64."""
    return torch.cat([network(block.reshape(-1, *data.input_shape)) for block in points.split(BATCH)])
