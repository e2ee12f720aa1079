"""Riemannian geometry of learned representations: metric, volume element and curvature of feature maps."""

from geomsym.geometry.curvature import CurvatureEstimate, estimated_scalar_curvature, scalar_curvature
from geomsym.geometry.feature_maps import feature_map, feature_maps, layer_jacobians, logits
from geomsym.geometry.infinite import InfiniteNetwork, infinite_network, kernel_curvature, kernel_metric
from geomsym.geometry.jacobian import FeatureMap, jacobian
from geomsym.geometry.metric import metric
from geomsym.geometry.shallow import ShallowMap
from geomsym.geometry.volume import Volume, jacobian_volume, log_volume, slice_volume, volume

__all__ = [
    "CurvatureEstimate",
    "FeatureMap",
    "InfiniteNetwork",
    "ShallowMap",
    "Volume",
    "estimated_scalar_curvature",
    "feature_map",
    "feature_maps",
    "infinite_network",
    "jacobian",
    "jacobian_volume",
    "kernel_curvature",
    "kernel_metric",
    "layer_jacobians",
    "log_volume",
    "logits",
    "metric",
    "scalar_curvature",
    "slice_volume",
    "volume",
]
