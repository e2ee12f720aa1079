"""Data sets: the group `data`."""

from dataclasses import dataclass

from geomsym.config.checks import at_least, one_of, positive
from geomsym.errors import ConfigError

PREPROCESSINGS = ("none", "standardize", "zca")


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
        at_least("data.subset_size", self.subset_size, 1, "every training example")
        at_least("data.test_size", self.test_size, 1, "every test example")
        at_least("data.image_size", self.image_size, 1, "the size as stored")
        at_least("data.validation_size", self.validation_size, 0)
        at_least("data.seed", self.seed, 0)
        positive("data.zca_regularization", self.zca_regularization)
        one_of("data.preprocess", self.preprocess, PREPROCESSINGS)

    def idle(self) -> frozenset[str]:
        """The keys that have no effect beside the others: no part of a run's identity."""
        return frozenset() if self.preprocess == "zca" else frozenset({"zca_regularization"})


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
        at_least("data.noise_variance", self.noise_variance, 0)


@dataclass
class SinusoidConfig(DataConfig):
    """Uniform points of [−1, 1]², labelled by the side of the curve x₂ = 0.6·sin(7·x₁ − 1)."""

    name: str = "sinusoid"
    subset_size: int | None = 400
    test_size: int | None = 1000
    preprocess: str = "none"
