"""The model families of Xiao & Pennington (2022, §3.1) as tuples of layer specs.

All end in a dense readout. FCN has no spatial structure; LCN, VEC, LAP and GAP have a body of `depth` layers
of local filters, unshared (LCN) or shared, and differ in how the readout sees positions: all of them
separately (LCN, VEC), means over windows (LAP), or one mean (GAP). A stack has the layers that its config lists.
"""

from collections.abc import Callable
from dataclasses import replace

from geomsym.architectures.layer_specs import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    LocallyConnected,
    Specs,
)
from geomsym.architectures.stack import stack
from geomsym.config import ArchitectureConfig, StackConfig
from geomsym.errors import look_up


def _hidden(cfg: ArchitectureConfig, layer: Dense | Conv) -> Specs:
    """`depth` times layer and activation; only the first layer takes `first_layer_init`."""
    first = replace(layer, init=cfg.first_layer_init)
    layers = [first] + [layer] * (cfg.depth - 1)
    return tuple(spec for weighted in layers for spec in (weighted, Activation(cfg.activation)))


def _local(cfg: ArchitectureConfig, kind: type[Conv]) -> Specs:
    layer = kind(cfg.width, cfg.w_variance, cfg.b_variance, kernel_size=cfg.kernel_size, padding=cfg.padding)
    return _hidden(cfg, layer)


def fcn(cfg: ArchitectureConfig) -> Specs:
    """Fully connected."""
    return (Flatten(), *_hidden(cfg, Dense(cfg.width, cfg.w_variance, cfg.b_variance)))


def lcn(cfg: ArchitectureConfig) -> Specs:
    """Locally connected: a filter of its own at every position."""
    return (*_local(cfg, LocallyConnected), Flatten())


def vec(cfg: ArchitectureConfig) -> Specs:
    """Convolutional, read out position by position."""
    return (*_local(cfg, Conv), Flatten())


def lap(cfg: ArchitectureConfig) -> Specs:
    """Convolutional, averaged over windows."""
    return (*_local(cfg, Conv), AveragePool(cfg.window), Flatten())


def gap(cfg: ArchitectureConfig) -> Specs:
    """Convolutional, averaged over all positions."""
    return (*_local(cfg, Conv), GlobalAveragePool())


ARCHITECTURES: dict[str, Callable[[ArchitectureConfig], Specs]] = {
    "fcn": fcn,
    "lcn": lcn,
    "vec": vec,
    "lap": lap,
    "gap": gap,
}


def architecture_specs(cfg: ArchitectureConfig, outputs: int) -> Specs:
    """The layer specs of a configured architecture with a dense readout of `outputs` values.

    Raises `ConfigError` for an unknown name.
    """
    body = stack(cfg) if isinstance(cfg, StackConfig) else look_up("architecture.name", cfg.name, ARCHITECTURES)(cfg)
    return (*body, Dense(outputs, cfg.w_variance, cfg.b_variance))


def specs(name: str, outputs: int = 10, **settings) -> Specs:
    """The layer specs by keyword: ``specs("gap", depth=8, width=128)``, ``specs("stack", layers=["conv:64", …])``.

    Settings are the fields of `geomsym.config.ArchitectureConfig` or `StackConfig`, with their defaults.

    >>> [type(spec).__name__ for spec in specs("lap", depth=1, window=2)]
    ['Conv', 'Activation', 'AveragePool', 'Flatten', 'Dense']
    """
    kind = StackConfig if name == StackConfig.name else ArchitectureConfig
    return architecture_specs(kind(name=name, **settings), outputs)
