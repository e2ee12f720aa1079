"""The elementwise nonlinearities φ, by the names that configurations use."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": partial(torch.nn.functional.gelu, approximate="none"),
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "linear": lambda x: x,
}
