"""One run: an option of every group, a seed, a precision."""

from dataclasses import dataclass, field, replace

from geomsym.config.architecture import ArchitectureConfig
from geomsym.config.checks import at_least, one_of
from geomsym.config.data import DataConfig, PhotoPatchesConfig
from geomsym.config.inference import GradientDescentConfig, InferenceConfig
from geomsym.config.transform import TransformConfig
from geomsym.errors import ConfigError

DTYPES = ("float32", "float64")


@dataclass
class RunConfig:
    """One run: a triplet on a data set, from one seed. Its values are its identity, but for those without effect.

    >>> from geomsym.config import DigitsConfig
    >>> RunConfig(data=DigitsConfig(subset_size=100), seed=3).data.preprocess
    'standardize'
    >>> RunConfig(seed=-1)
    Traceback (most recent call last):
    geomsym.errors.ConfigError: seed=-1: give a number of at least 0
    """

    data: DataConfig = field(default_factory=PhotoPatchesConfig)
    transform: TransformConfig = field(default_factory=TransformConfig)
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    inference: InferenceConfig = field(default_factory=GradientDescentConfig)
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        at_least("seed", self.seed, 0)
        one_of("dtype", self.dtype, DTYPES)

    @property
    def transform_seed(self) -> int:
        """The seed that draws the transform's element."""
        return self.seed if self.transform.seed is None else self.transform.seed


def keep_initial_weights(cfg: RunConfig) -> RunConfig:
    """The run with its initial and last weights kept, where it doesn't say which.

    Raises `ConfigError` for a run that has no weights.
    """
    if not isinstance(cfg.inference, GradientDescentConfig):
        reason = "has no trained network to measure: give nn, nn_plus or cross_entropy"
        raise ConfigError("inference", cfg.inference.name, reason)
    if cfg.inference.checkpoint_steps:
        return cfg
    return replace(cfg, inference=replace(cfg.inference, checkpoint_steps=[0]))
