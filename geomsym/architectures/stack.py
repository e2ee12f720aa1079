"""Networks of one's own, from words: ``[conv:64, relu, pool:2, conv:128:5, relu, flatten]``."""

from collections.abc import Callable
from dataclasses import replace

from geomsym.architectures.activations import ACTIVATIONS
from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LayerSpec,
    LocallyConnected,
    Specs,
    Weighted,
)
from geomsym.config import StackConfig
from geomsym.errors import ConfigError, nearest

KEY = "architecture.layers"


def stack(cfg: StackConfig) -> Specs:
    """The layers that a config lists, without the readout; the first with weights takes `first_layer_init`.

    Raises a `ConfigError` for words that name no layer, and for numbers that it doesn't take.
    """
    layers = [_layer(text, cfg) for text in cfg.layers]
    first = next(k for k, layer in enumerate(layers) if isinstance(layer, Weighted))
    layers[first] = replace(layers[first], init=cfg.first_layer_init)
    return tuple(layers)


def _layer(text: str, cfg: StackConfig) -> LayerSpec:
    name, *numbers = text.split(":")
    if name not in LAYERS:
        raise ConfigError(KEY, text, f"not one of {', '.join(LAYERS)}{nearest(name, LAYERS)}")
    make, takes = LAYERS[name]
    if len(numbers) > len(takes) or not all(number.isdecimal() and int(number) > 0 for number in numbers):
        raise ConfigError(KEY, text, f"give {':'.join([name, *takes])}{', whole numbers of at least 1' * bool(takes)}")
    given = dict(zip(takes, map(int, numbers), strict=False))
    if given.get("KERNEL_SIZE", 1) % 2 == 0:
        raise ConfigError(KEY, text, "give an odd number for the kernel size: filters are centred")
    return make(cfg, *given.values())


def _filters(kind: type[Conv]) -> Callable[..., LayerSpec]:
    def make(cfg: StackConfig, width: int | None = None, kernel_size: int | None = None) -> LayerSpec:
        size = kernel_size or cfg.kernel_size
        return kind(width or cfg.width, cfg.w_variance, cfg.b_variance, kernel_size=size, padding=cfg.padding)

    return make


def _dense(cfg: StackConfig, width: int | None = None) -> LayerSpec:
    return Dense(width or cfg.width, cfg.w_variance, cfg.b_variance)


def _pool(cfg: StackConfig, window: int | None = None) -> LayerSpec:
    return AveragePool(window or cfg.window)


LAYERS: dict[str, tuple[Callable[..., LayerSpec], tuple[str, ...]]] = {
    "conv": (_filters(Conv), ("WIDTH", "KERNEL_SIZE")),
    "local": (_filters(LocallyConnected), ("WIDTH", "KERNEL_SIZE")),
    "dense": (_dense, ("WIDTH",)),
    "flatten": (lambda cfg: Flatten(), ()),
    "pool": (_pool, ("WINDOW",)),
    "global_pool": (lambda cfg: GlobalAveragePool(), ()),
    "activation": (lambda cfg: Activation(cfg.activation), ()),
    **{name: (lambda cfg, name=name: Activation(name), ()) for name in ACTIVATIONS},
}
"""How each word makes its layer, and the numbers that it takes."""
