"""The vocabulary of an experiment: what can be configured, of which type, with which default.

A run is a triplet (data transform, architecture, inference algorithm) on a data set, from one seed. These dataclasses
are the schema that configuration files and command-line overrides are checked against, and the only source of
defaults; the files under configs/ hold nothing but the values in which a named option differs. They are plain data:
importing this module costs nothing, and none of it knows torch or Hydra.

Names (of data sources, transforms, architectures, inference algorithms) are looked up in the registries of their
packages. Values are checked when an object is made; a `ConfigError` names the dotted key.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite

from geomsym.errors import ConfigError, unknown_name

DTYPES = ("float32", "float64")
PREPROCESSINGS = ("none", "standardize", "zca")
PADDINGS = ("circular", "zero")
ACTIVATIONS = ("relu", "gelu", "erf", "sigmoid", "tanh", "linear")
FIRST_LAYER_INITS = ("gaussian", "uniform")
WEIGHTED_LAYERS = ("conv", "local", "dense")
LOSSES = ("mse", "cross_entropy")
OPTIMIZERS = ("sgd", "adam")
NTK_OUTPUTS = ("mean", "all")
TARGETS = ("centered", "one_hot")
NORMALIZATIONS = ("features", "none")
CONVENTIONS = ("standard", "paper")
CURVATURES = ("auto", "exact", "estimate", "none")
CHOICES = ("first", "nearest", "boundary")
ROUTES = ("line", "pca", "data")
LARGEST = 2**63 - 1


def _one_of(key: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise unknown_name(key, value, allowed)


def _at_least(key: str, value: float | None, minimum: float, or_null: str = "") -> None:
    """Check a number's lower bound; `or_null` says what null means where null is allowed."""
    if value is None and or_null:
        return
    if isinstance(value, int) and value > LARGEST:
        raise ConfigError(key, value, f"give a number of at most {LARGEST}, the largest that tables hold")
    if value is None or not isfinite(value) or value < minimum:
        null = f", or null for {or_null}" if or_null else ""
        raise ConfigError(key, value, f"give a number of at least {minimum:g}{null}")


def _positive(key: str, value: float | None, or_null: str = "") -> None:
    if value is None and or_null:
        return
    if value is None or not isfinite(value) or value <= 0:
        null = f", or null for {or_null}" if or_null else ""
        raise ConfigError(key, value, f"give a positive number{null}")


@dataclass
class DataConfig:
    """A data set, the part of it that is used, and its preprocessing.

    Sizes count examples; `flip` adds every training image's mirror image, which doubles the training set after the
    subset is taken. `preprocess` is fitted on the training images. `seed` fixes what is drawn at random (subsets,
    generated points, crops) independently of the run's seed, so that runs of several seeds share their data.
    `shuffle_labels` gives the training examples each other's labels: the control in which there is nothing to learn.
    """

    name: str
    root: str | None = None  # file or folder; default: --data-root, GEOMSYM_DATA, the user's data folder
    image_size: int | None = None  # side to resize to; null: as stored
    subset_size: int | None = None  # training examples, the same number of each class; null: all that are left
    test_size: int | None = None  # null: all
    validation_size: int = 0  # held out of the training part
    flip: bool = False
    shuffle_labels: bool = False
    preprocess: str = "standardize"
    zca_regularization: float = 0.1  # added to the covariance, in units of its mean eigenvalue
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least("data.subset_size", self.subset_size, 1, "every training example")
        _at_least("data.test_size", self.test_size, 1, "every test example")
        _at_least("data.image_size", self.image_size, 1, "the size as stored")
        _at_least("data.validation_size", self.validation_size, 0)
        _at_least("data.seed", self.seed, 0)
        _positive("data.zca_regularization", self.zca_regularization)
        _one_of("data.preprocess", self.preprocess, PREPROCESSINGS)


@dataclass
class PhotoPatchesConfig(DataConfig):
    """Crops of ten embedded photographs; `crop_size` pixels are averaged down to `image_size`."""

    name: str = "photo_patches"
    image_size: int | None = 8
    crop_size: int = 16
    subset_size: int | None = 400
    test_size: int | None = 400
    preprocess: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        side = self.crop_size if self.image_size is None else self.image_size
        if self.crop_size < side or self.crop_size % side:
            raise ConfigError("data.crop_size", self.crop_size, f"give a multiple of data.image_size={side}")


@dataclass
class DigitsConfig(DataConfig):
    """scikit-learn's 8×8 digits, grey (`channels=1`) or repeated to three channels."""

    name: str = "digits"
    channels: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels not in (1, 3):
            raise ConfigError("data.channels", self.channels, "give 1 (grey) or 3 (grey, repeated)")


@dataclass
class XorConfig(DataConfig):
    """Gaussian clouds of variance `noise_variance` on (±1, ±1), labelled by the sign of the product."""

    name: str = "xor"
    noise_variance: float = 0.15
    subset_size: int | None = 400
    test_size: int | None = 1000
    preprocess: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("data.noise_variance", self.noise_variance, 0)


@dataclass
class SinusoidConfig(DataConfig):
    """Uniform points of [−1, 1]², labelled by the side of the curve x₂ = 0.6·sin(7·x₁ − 1)."""

    name: str = "sinusoid"
    subset_size: int | None = 400
    test_size: int | None = 1000
    preprocess: str = "none"


@dataclass
class TransformConfig:
    """A random element of a symmetry group, drawn once and applied to every training and test image.

    `strength` t in [0, 1], for rotations only, takes instead the point τ_t = exp(−tA) of the geodesic from the
    identity to a Haar element of SO. `seed` null follows the run's seed, so that every seed redraws the element.
    """

    name: str = "identity"
    strength: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise ConfigError("transform.strength", self.strength, "give a number in [0, 1], or null for no path")
        _at_least("transform.seed", self.seed, 0, "the run's seed")


@dataclass
class ArchitectureConfig:
    """A network family in the NTK parameterisation; `depth` counts hidden layers, `window` belongs to lap.

    The default sizes are for a first try: with them a run on the embedded data is over in about a minute. Those of
    Xiao & Pennington (2022) are in `experiment=fig2`.
    """

    name: str = "gap"
    width: int = 32
    depth: int = 4
    activation: str = "relu"
    kernel_size: int = 3
    padding: str = "circular"
    window: int = 4
    w_variance: float = 2.0
    b_variance: float = 0.01
    first_layer_init: str = "gaussian"

    def __post_init__(self) -> None:
        for key in ("width", "depth", "window"):
            _at_least(f"architecture.{key}", getattr(self, key), 1)
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ConfigError("architecture.kernel_size", self.kernel_size, "give an odd number: filters are centred")
        _positive("architecture.w_variance", self.w_variance)
        _at_least("architecture.b_variance", self.b_variance, 0)
        _one_of("architecture.activation", self.activation, ACTIVATIONS)
        _one_of("architecture.padding", self.padding, PADDINGS)
        _one_of("architecture.first_layer_init", self.first_layer_init, FIRST_LAYER_INITS)

    @property
    def label(self) -> str:
        """The family's name in tables: «gap», «vec», and «lap4» for windows of 4."""
        return f"lap{self.window}" if self.name == "lap" else self.name


@dataclass
class StackConfig(ArchitectureConfig):
    """A network of your own: its `layers` from the image up to the dense readout, which is added to them.

    Each is a word, with numbers behind colons: «conv:WIDTH:KERNEL_SIZE» and «local:WIDTH:KERNEL_SIZE», whose filters
    are shared or not; «dense:WIDTH»; an activation by its name; «flatten», «pool:WINDOW» and «global_pool». Numbers
    that are left out are those of the config: `width`, `kernel_size`, `window`. So is «activation». `depth` follows
    from the layers.

    >>> StackConfig(layers=["conv:8:5", "relu", "pool:2", "flatten", "dense:16", "relu"]).depth
    2
    """

    name: str = "stack"
    depth: int = 0
    layers: list[str] = field(default_factory=lambda: ["conv", "relu", "flatten"])

    def __post_init__(self) -> None:
        hidden = sum(layer.partition(":")[0] in WEIGHTED_LAYERS for layer in self.layers)
        if not hidden:
            example = "such as [conv,relu,pool:2,flatten,dense:64,relu]"
            reason = f"give a list with at least one of {', '.join(WEIGHTED_LAYERS)}, {example}"
            raise ConfigError("architecture.layers", f"[{','.join(self.layers)}]", reason)
        if self.depth not in (0, hidden):
            reason = f"give {hidden}, the number of hidden ones in architecture.layers, or leave it out"
            raise ConfigError("architecture.depth", self.depth, reason)
        self.depth = hidden
        super().__post_init__()


@dataclass
class InferenceConfig:
    """What every inference algorithm has: a name and the coding of the classes.

    `targets`: «centered» is one-hot minus 1/classes; only squared-error methods read it.
    """

    name: str = "nn_plus"
    targets: str = "centered"

    def __post_init__(self) -> None:
        _one_of("inference.targets", self.targets, TARGETS)


@dataclass
class GradientDescentConfig(InferenceConfig):
    """Mini-batch gradient descent on the squared error or the cross-entropy, plus λ/2·|θ|² (`l2` = λ).

    The learning rate is `learning_rate_factor`·2/λmax, unless `learning_rate` is given. λmax is the largest eigenvalue
    of Θ/N, with Θ the empirical tangent kernel of N = `ntk_samples` training images, averaged over `ntk_draws` draws of
    the initial values, of which the run's own is the first. `ntk_outputs`: «mean» takes Θ [N, N] of one output,
    averaged over the K outputs, as the paper does; «all» the kernel [N·K, N·K] of all outputs, whose λmax is larger at
    finite width.

    Training stops at `max_steps`, or when an evaluation finds every training example right and `stop_when_fitted` is
    set. Beside `max_steps` and what concerns Θ, the defaults are the algorithm NN+ of Xiao & Pennington (2022,
    App. B.1). For K classes and momentum m, wide networks are stable on the squared error up to a factor of K·(1 + m),
    which is 19 for ten classes, but less than the default 8 for four and fewer; narrow ones up to less. A rate above
    what the run's network allows is warned of before training.
    """

    loss: str = "mse"
    optimizer: str = "sgd"
    learning_rate_factor: float = 8.0
    learning_rate: float | None = None
    momentum: float = 0.9
    l2: float = 1e-7
    batch_size: int = 40
    max_steps: int = 5000
    eval_every: int | None = None  # null: so that evaluation takes about a tenth of the training time
    stop_when_fitted: bool = True
    ntk_samples: int = 256
    ntk_draws: int = 3
    ntk_outputs: str = "mean"
    checkpoint_steps: list[int] = field(default_factory=list)  # steps whose weights are kept; 0 is the initialisation

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of("inference.loss", self.loss, LOSSES)
        _one_of("inference.optimizer", self.optimizer, OPTIMIZERS)
        _one_of("inference.ntk_outputs", self.ntk_outputs, NTK_OUTPUTS)
        _positive("inference.learning_rate_factor", self.learning_rate_factor)
        _positive("inference.learning_rate", self.learning_rate, "learning_rate_factor·2/λmax")
        _at_least("inference.l2", self.l2, 0)
        for key in ("batch_size", "max_steps", "ntk_samples", "ntk_draws"):
            _at_least(f"inference.{key}", getattr(self, key), 1)
        _at_least("inference.eval_every", self.eval_every, 1, "an automatic choice")
        if not 0 <= self.momentum < 1:
            raise ConfigError("inference.momentum", self.momentum, "give a number in [0, 1)")
        if self.optimizer == "adam" and self.learning_rate is None:
            raise ConfigError(
                "inference.learning_rate", None, "2/λmax is no scale for adam: give a rate, such as 0.001"
            )
        outside = [step for step in self.checkpoint_steps if not 0 <= step <= self.max_steps]
        if outside:
            raise ConfigError(
                "inference.checkpoint_steps",
                self.checkpoint_steps,
                f"{outside[0]} is outside 0…inference.max_steps={self.max_steps}",
            )


@dataclass
class KernelRegressionConfig(InferenceConfig):
    """Regression with the infinite-width kernel of the architecture: the tangent kernel (ntk) or that of nngp.

    `ridge` is added to the diagonal of the training images' kernel, in units of its mean. At ridge 0 the predictor
    interpolates the training targets: for ntk it is the limit of gradient descent, for nngp the Bayesian posterior.
    """

    name: str = "ntk"
    ridge: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("inference.ridge", self.ridge, 0)


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
        _one_of("geometry.normalization", self.normalization, NORMALIZATIONS)
        _one_of("geometry.convention", self.convention, CONVENTIONS)
        _one_of("geometry.curvature", self.curvature, CURVATURES)
        if not 0 <= self.floor < 1:
            raise ConfigError("geometry.floor", self.floor, "give a number in [0, 1)")
        _at_least("geometry.top_k", self.top_k, 1, "all above the floor")
        if self.convention == "paper" and self.curvature == "estimate":
            raise ConfigError("geometry.convention", "paper", "is for exact curvature: give standard")
        _at_least("geometry.directions", self.directions, 2)
        _at_least("geometry.frames", self.frames, 2)


@dataclass
class GridConfig(GeometryConfig):
    """A regular grid of `resolution`² points over the square of `bounds` [low, high], for data in the plane."""

    name: str = "grid"
    resolution: int = 41
    bounds: list[float] = field(default_factory=lambda: [-1.5, 1.5])

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("geometry.resolution", self.resolution, 2)
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
        _one_of("geometry.split", self.split, ("train", "test"))
        _one_of("geometry.choice", self.choice, CHOICES)


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
        _at_least("geometry.points", self.points, 2)
        _one_of("geometry.route", self.route, ROUTES)
        _at_least("geometry.components", self.components, 1)
        _at_least("geometry.neighbours", self.neighbours, 1)


@dataclass
class PlaneConfig(SampledConfig):
    """The plane through three samples: `resolution`² points over their triangle and `margin` of its size around it."""

    name: str = "plane"
    resolution: int = 32
    margin: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("geometry.resolution", self.resolution, 2)
        _at_least("geometry.margin", self.margin, 0)


@dataclass
class RunConfig:
    """One run: a triplet on a data set, from one seed. Its resolved values are its identity.

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
        _at_least("seed", self.seed, 0)
        _one_of("dtype", self.dtype, DTYPES)
