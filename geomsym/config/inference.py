"""Inference algorithms: the group `inference`."""

from dataclasses import dataclass, field

from geomsym.config.checks import at_least, one_of, positive
from geomsym.errors import ConfigError

LOSSES = ("mse", "cross_entropy")
OPTIMIZERS = ("sgd", "adam")
NTK_OUTPUTS = ("mean", "all")
TARGETS = ("centered", "one_hot")


@dataclass
class InferenceConfig:
    """What every inference algorithm has: a name and the coding of the classes.

    `targets`: «centered» is one-hot minus 1/classes; only squared-error methods read it.
    """

    name: str = "nn_plus"
    targets: str = "centered"

    def __post_init__(self) -> None:
        one_of("inference.targets", self.targets, TARGETS)

    def idle(self) -> frozenset[str]:
        """The keys that have no effect beside the others: no part of a run's identity."""
        return frozenset()


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
        one_of("inference.loss", self.loss, LOSSES)
        one_of("inference.optimizer", self.optimizer, OPTIMIZERS)
        one_of("inference.ntk_outputs", self.ntk_outputs, NTK_OUTPUTS)
        positive("inference.learning_rate_factor", self.learning_rate_factor)
        positive("inference.learning_rate", self.learning_rate, "learning_rate_factor·2/λmax")
        at_least("inference.l2", self.l2, 0)
        for key in ("batch_size", "max_steps", "ntk_samples", "ntk_draws"):
            at_least(f"inference.{key}", getattr(self, key), 1)
        at_least("inference.eval_every", self.eval_every, 1, "an automatic choice")
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

    def idle(self) -> frozenset[str]:
        """What λmax is taken of where the rate is given; momentum, which is SGD's; targets of the cross-entropy."""
        found = set()
        if self.learning_rate is not None:
            found |= {"learning_rate_factor", "ntk_samples", "ntk_draws", "ntk_outputs"}
        if self.optimizer == "adam":
            found.add("momentum")
        if self.loss == "cross_entropy":
            found.add("targets")
        return frozenset(found)


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
        at_least("inference.ridge", self.ridge, 0)
