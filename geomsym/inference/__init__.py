"""Inference algorithms: how a predictor is found from an architecture and training data.

An algorithm maps (layer specs, data, its configuration, seed, report, kernels) to a `Fit`. One registry line adds one.
"""

from collections.abc import Callable
from typing import Any

from geomsym.architectures.layer_specs import Specs
from geomsym.data import Dataset
from geomsym.inference.fit import Fit, Report, silent
from geomsym.inference.gradient_descent import gradient_descent
from geomsym.inference.kernel_regression import kernel_regression
from geomsym.kernels import Kernels

Algorithm = Callable[[Specs, Dataset, Any, int, Report, Kernels | None], Fit]

INFERENCE: dict[str, Algorithm] = {
    "nn": gradient_descent,
    "nn_plus": gradient_descent,
    "cross_entropy": gradient_descent,
    "ntk": kernel_regression,
    "nngp": kernel_regression,
}

__all__ = ["INFERENCE", "Fit", "Report", "gradient_descent", "kernel_regression", "silent"]
