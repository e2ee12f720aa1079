"""The vocabulary of an experiment: what can be configured, of which type, with which default.

A run is a triplet (data transform, architecture, inference algorithm) on a data set, from one seed. These dataclasses
are the schema that configuration files and command-line overrides are checked against, and the only source of
defaults; the files under configs/ hold nothing but the values in which a named option differs. There is one file a
group, as configs/ has them. All is plain data: importing it costs nothing, and none of it knows torch or Hydra.

Names (of data sources, transforms, architectures, inference algorithms) are looked up in the registries of their
packages. Values are checked when an object is made; a `ConfigError` names the dotted key.
"""

from geomsym.config.architecture import (
    ACTIVATIONS,
    FIRST_LAYER_INITS,
    PADDINGS,
    WEIGHTED_LAYERS,
    ArchitectureConfig,
    StackConfig,
)
from geomsym.config.data import (
    PREPROCESSINGS,
    DataConfig,
    DigitsConfig,
    PhotoPatchesConfig,
    SinusoidConfig,
    XorConfig,
)
from geomsym.config.geometry import (
    CHOICES,
    CONVENTIONS,
    CURVATURES,
    NORMALIZATIONS,
    ROUTES,
    GeometryConfig,
    GridConfig,
    PathConfig,
    PlaneConfig,
    SampledConfig,
)
from geomsym.config.inference import (
    LOSSES,
    NTK_OUTPUTS,
    OPTIMIZERS,
    TARGETS,
    GradientDescentConfig,
    InferenceConfig,
    KernelRegressionConfig,
)
from geomsym.config.run import DTYPES, RunConfig, keep_initial_weights
from geomsym.config.transform import TransformConfig

__all__ = [
    "ACTIVATIONS",
    "CHOICES",
    "CONVENTIONS",
    "CURVATURES",
    "DTYPES",
    "FIRST_LAYER_INITS",
    "LOSSES",
    "NORMALIZATIONS",
    "NTK_OUTPUTS",
    "OPTIMIZERS",
    "PADDINGS",
    "PREPROCESSINGS",
    "ROUTES",
    "TARGETS",
    "WEIGHTED_LAYERS",
    "ArchitectureConfig",
    "DataConfig",
    "DigitsConfig",
    "GeometryConfig",
    "GradientDescentConfig",
    "GridConfig",
    "InferenceConfig",
    "KernelRegressionConfig",
    "PathConfig",
    "PhotoPatchesConfig",
    "PlaneConfig",
    "RunConfig",
    "SampledConfig",
    "SinusoidConfig",
    "StackConfig",
    "TransformConfig",
    "XorConfig",
    "keep_initial_weights",
]
