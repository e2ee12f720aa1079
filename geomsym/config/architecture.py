"""Network families: the group `architecture`."""

from dataclasses import dataclass, field

from geomsym.config.checks import at_least, one_of, positive
from geomsym.errors import ConfigError

PADDINGS = ("circular", "zero")
ACTIVATIONS = ("relu", "gelu", "erf", "sigmoid", "tanh", "linear")
FIRST_LAYER_INITS = ("gaussian", "uniform")
WEIGHTED_LAYERS = ("conv", "local", "dense")

WITHOUT_EFFECT = {
    "fcn": frozenset({"kernel_size", "padding", "window"}),
    "lcn": frozenset({"window"}),
    "vec": frozenset({"window"}),
    "gap": frozenset({"window"}),
}
"""The keys that a family doesn't read; of one that isn't named here, every key has an effect."""


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
            at_least(f"architecture.{key}", getattr(self, key), 1)
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ConfigError("architecture.kernel_size", self.kernel_size, "give an odd number: filters are centred")
        positive("architecture.w_variance", self.w_variance)
        at_least("architecture.b_variance", self.b_variance, 0)
        one_of("architecture.activation", self.activation, ACTIVATIONS)
        one_of("architecture.padding", self.padding, PADDINGS)
        one_of("architecture.first_layer_init", self.first_layer_init, FIRST_LAYER_INITS)

    @property
    def label(self) -> str:
        """The family's name in tables: «gap», «vec», and «lap4» for windows of 4."""
        return f"lap{self.window}" if self.name == "lap" else self.name

    def idle(self) -> frozenset[str]:
        """The keys that have no effect beside the others: no part of a run's identity."""
        return WITHOUT_EFFECT.get(self.name, frozenset())


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

    def idle(self) -> frozenset[str]:
        """`depth`, which follows from the layers."""
        return frozenset({"depth"})
