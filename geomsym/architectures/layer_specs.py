"""Layer specifications: one description of a network, for finite and for infinite width.

An architecture is a tuple of these records. Shapes are written without the batch: an image [c, h, w] until
`Flatten` or `GlobalAveragePool`, then a vector [n]. In the NTK parameterisation a layer with weights computes

    σ_w / √fan_in · W x + σ_b · b,        W, b ~ N(0, 1),

with σ_w² = `w_variance` and σ_b² = `b_variance` (Xiao & Pennington 2022, §3.1).
"""

from dataclasses import dataclass

from geomsym.errors import ConfigError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Weighted:
    """The fields that all layers with weights have; `init`, «gaussian» or «uniform», is the law of the weights."""

    width: int
    w_variance: float = 2.0
    b_variance: float = 0.01
    init: str = "gaussian"


@dataclass(frozen=True)
class Dense(Weighted):
    """Every input to every output; weights [width, fan_in]."""

    def output_shape(self, shape: Shape) -> Shape:
        """[m] -> [width]."""
        _require_vector("a dense layer", shape)
        return (self.width,)


@dataclass(frozen=True)
class Conv(Weighted):
    """Convolution of stride 1 that keeps the image's size; weights [width, c, k, k], fan-in c·k²."""

    kernel_size: int = 3
    padding: str = "circular"

    def output_shape(self, shape: Shape) -> Shape:
        """[c, h, w] -> [width, h, w]."""
        _, height, width = _require_image("a convolution", shape)
        reach = self.kernel_size // 2
        if self.padding == "circular" and reach > min(height, width):
            reason = f"its reach {reach} exceeds the {height}×{width} image: "
            remedy = f"give at most {2 * min(height, width) + 1}"
            raise ConfigError("architecture.kernel_size", self.kernel_size, reason + remedy)
        return (self.width, height, width)


@dataclass(frozen=True)
class LocallyConnected(Conv):
    """A convolution whose filters differ from position to position; weights [h, w, width, c, k, k]."""


@dataclass(frozen=True)
class Activation:
    """An elementwise nonlinearity, by its name in `geomsym.architectures.activations`."""

    name: str = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        """Unchanged."""
        return shape


@dataclass(frozen=True)
class Flatten:
    """All coordinates as one vector, channel by channel."""

    def output_shape(self, shape: Shape) -> Shape:
        """[c, h, w] -> [c·h·w]."""
        channels, height, width = _require_image("flatten", shape)
        return (channels * height * width,)


@dataclass(frozen=True)
class AveragePool:
    """Means over disjoint square windows."""

    window: int

    def output_shape(self, shape: Shape) -> Shape:
        """[c, h, w] -> [c, h/window, w/window]."""
        channels, height, width = _require_image("average pooling", shape)
        if height % self.window or width % self.window:
            sides = [p for p in range(1, min(height, width) + 1) if height % p == 0 and width % p == 0]
            reason = f"does not divide the {height}×{width} image: give one of {', '.join(map(str, sides))}"
            raise ConfigError("architecture.window", self.window, reason)
        return (channels, height // self.window, width // self.window)


@dataclass(frozen=True)
class GlobalAveragePool:
    """The mean over all positions."""

    def output_shape(self, shape: Shape) -> Shape:
        """[c, h, w] -> [c]."""
        return (_require_image("global pooling", shape)[0],)


LayerSpec = Dense | Conv | LocallyConnected | Activation | Flatten | AveragePool | GlobalAveragePool
Specs = tuple[LayerSpec, ...]


def shapes(specs: Specs, input_shape: Shape) -> list[Shape]:
    """The input's shape and that of every layer's output, without the batch."""
    result = [tuple(input_shape)]
    for spec in specs:
        result.append(spec.output_shape(result[-1]))
    return result


def _require_image(layer: str, shape: Shape) -> Shape:
    if len(shape) != 3:
        reason = f"needs an image [c, h, w], but its input has shape {list(shape)}"
        raise ConfigError("architecture", layer, reason)
    return shape


def _require_vector(layer: str, shape: Shape) -> Shape:
    if len(shape) != 1:
        reason = f"needs a vector, but its input has shape {list(shape)}: flatten or pool first"
        raise ConfigError("architecture", layer, reason)
    return shape
