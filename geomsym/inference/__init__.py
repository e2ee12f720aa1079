"""Inference algorithms: how a predictor is found from an architecture and training data.

An algorithm maps (layer specs, data, its configuration, seed, report, kernels) to an `InferenceResult`. One registry
line adds one.
"""

from collections.abc import Callable
from typing import Any

from geomsym.architectures.layer_specs import Specs
from geomsym.data import Dataset
from geomsym.inference.gradient_descent import gradient_descent
from geomsym.inference.kernel_regression import kernel_regression
from geomsym.inference.result import InferenceResult, ReportProgress, silent
from geomsym.kernels import Kernels

Algorithm = Callable[[Specs, Dataset, Any, int, ReportProgress, Kernels | None], InferenceResult]

INFERENCE: dict[str, Algorithm] = {
    "nn": gradient_descent,
    "nn_plus": gradient_descent,
    "cross_entropy": gradient_descent,
    "ntk": kernel_regression,
    "nngp": kernel_regression,
}

__all__ = ["INFERENCE", "InferenceResult", "ReportProgress", "gradient_descent", "kernel_regression", "silent"]
