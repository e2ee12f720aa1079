"""Where and how geometry is measured: the group `geometry`."""

from dataclasses import dataclass, field

from geomsym.config.checks import at_least, one_of
from geomsym.errors import ConfigError

NORMALIZATIONS = ("features", "none")
CONVENTIONS = ("standard", "paper")
CURVATURES = ("auto", "exact", "estimate", "none")
CHOICES = ("first", "nearest", "boundary")
ROUTES = ("line", "pca", "data")


@dataclass
class GeometryConfig:
    """How the geometry of a network's representation is measured; `name` says where.

    `layer` null is what enters the readout, a number k the k-th hidden layer, «all» every hidden layer, any other text
    the name of a submodule. Singular values of the Jacobian at most `floor` times the largest count as zero, and
    `top_k` keeps the largest k of the others for the volume; without the `spectrum` volumes take less time.
    `curvature`: «exact» by the Gauss equation; «estimate», from `frames` random frames of `directions` vectors each,
    with a standard error; «none»; or «auto», exact in up to 16 dimensions, else none. `convention` «paper» multiplies
    it by 3, for comparison with the figures of Zavatone-Veth et al. (2023).
    """

    name: str = "grid"
    layer: str | None = None
    normalization: str = "features"
    convention: str = "standard"
    floor: float = 1e-8
    top_k: int | None = None
    curvature: str = "auto"
    directions: int = 8
    frames: int = 16
    spectrum: bool = True

    def __post_init__(self) -> None:
        one_of("geometry.normalization", self.normalization, NORMALIZATIONS)
        one_of("geometry.convention", self.convention, CONVENTIONS)
        one_of("geometry.curvature", self.curvature, CURVATURES)
        if not 0 <= self.floor < 1:
            raise ConfigError("geometry.floor", self.floor, "give a number in [0, 1)")
        at_least("geometry.top_k", self.top_k, 1, "all above the floor")
        if self.convention == "paper" and self.curvature == "estimate":
            raise ConfigError("geometry.convention", "paper", "is for exact curvature: give standard")
        at_least("geometry.directions", self.directions, 2)
        at_least("geometry.frames", self.frames, 2)


@dataclass
class GridConfig(GeometryConfig):
    """A regular grid of `resolution`² points over the square of `bounds` [low, high], for data in the plane."""

    name: str = "grid"
    resolution: int = 41
    bounds: list[float] = field(default_factory=lambda: [-1.5, 1.5])

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("geometry.resolution", self.resolution, 2)
        if len(self.bounds) != 2 or not self.bounds[0] < self.bounds[1]:
            raise ConfigError("geometry.bounds", self.bounds, "give two numbers low < high, such as [-1.5,1.5]")


@dataclass
class SampledConfig(GeometryConfig):
    """What paths and planes share: the samples of the data that they join.

    `samples` are indices into the split; else one sample of each of `classes` is taken, by default of the first ones.
    `choice`: the «first» of each; or, for a path, the «nearest» pair of the two, or across the decision «boundary», the
    nearest pair that the last network takes for the two.
    """

    split: str = "test"
    samples: list[int] | None = None
    classes: list[str] | None = None
    choice: str = "first"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("geometry.split", self.split, ("train", "test"))
        one_of("geometry.choice", self.choice, CHOICES)


@dataclass
class PathConfig(SampledConfig):
    """A path of `points` points between two samples, both ends included.

    `route`: the straight «line»; «pca», straight in the leading `components` principal components of the split's
    images; «data», the shortest way through them, each joined to its `neighbours` nearest.
    """

    name: str = "path"
    points: int = 64
    route: str = "line"
    components: int = 50
    neighbours: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("geometry.points", self.points, 2)
        one_of("geometry.route", self.route, ROUTES)
        at_least("geometry.components", self.components, 1)
        at_least("geometry.neighbours", self.neighbours, 1)


@dataclass
class PlaneConfig(SampledConfig):
    """The plane through three samples: `resolution`² points over their triangle and `margin` of its size around it."""

    name: str = "plane"
    resolution: int = 32
    margin: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("geometry.resolution", self.resolution, 2)
        at_least("geometry.margin", self.margin, 0)
