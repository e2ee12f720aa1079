"""The columns of the tables, with their pandas types."""

IDENTITY = {
    "run_id": "string",
    "experiment": "string",
    "data": "string",
    "transform": "string",
    "transform_strength": "Float64",
    "transform_seed": "Int64",
    "architecture": "string",
    "width": "Int64",
    "depth": "Int64",
    "activation": "string",
    "inference": "string",
    "subset_size": "Int64",
    "seed": "Int64",
}
"""The columns of runs.csv that say which run a row is, with their pandas types."""

OUTCOME = {
    "status": "string",
    "test_accuracy": "Float64",
    "test_mse": "Float64",
    "train_accuracy": "Float64",
    "train_mse": "Float64",
    "validation_accuracy": "Float64",
    "best_test_accuracy": "Float64",
    "selected_test_accuracy": "Float64",
    "steps": "Int64",
    "learning_rate": "Float64",
    "lambda_max": "Float64",
    "ridge": "Float64",
    "jitter": "Float64",
    "condition": "Float64",
    "residual": "Float64",
    "test_variance": "Float64",
    "parameters": "Int64",
    "device": "string",
    "dtype": "string",
    "seconds": "Float64",
    "error": "string",
}
"""The columns of runs.csv that say what came of it."""

RUN_COLUMNS = IDENTITY | OUTCOME
CURVE_COLUMNS = {
    "run_id": "string",
    "step": "Int64",
    "epoch": "Float64",
    "split": "string",
    "metric": "string",
    "value": "Float64",
}
SCANNED = {"run_id": "string", "scan": "string"}
GEOMETRY_COLUMNS = SCANNED | {
    "step": "Int64",
    "kind": "string",
    "path": "string",
    "layer": "string",
    "point": "Int64",
    "t": "Float64",
    "u": "Float64",
    "v": "Float64",
    "log_volume": "Float64",
    "rank": "Int64",
    "kept": "Int64",
    "slice_log_volume": "Float64",
    "scalar_curvature": "Float64",
    "curvature_error": "Float64",
    "predicted_class": "Int64",
    "entropy": "Float64",
    "margin": "Float64",
    "normalization": "string",
    "convention": "string",
    "floor": "Float64",
    "top_k": "Int64",
}
SPECTRUM_COLUMNS = SCANNED | {
    "step": "Int64",
    "layer": "string",
    "index": "Int64",
    "log_eigenvalue": "Float64",
    "low": "Float64",
    "high": "Float64",
}
ANCHOR_COLUMNS = SCANNED | {
    "anchor": "Int64",
    "split": "string",
    "index": "Int64",
    "label": "Int64",
    "t": "Float64",
    "u": "Float64",
    "v": "Float64",
}
MAGNIFICATION_COLUMNS = {
    "data": "string",
    "transform": "string",
    "transform_strength": "Float64",
    "architecture": "string",
    "width": "Int64",
    "depth": "Int64",
    "activation": "string",
    "inference": "string",
    "subset_size": "Int64",
    "scan": "string",
    "kind": "string",
    "path": "string",
    "layer": "string",
    "statistic": "string",
    "control": "string",
    "step": "string",
    "mean": "Float64",
    "standard_error": "Float64",
    "low": "Float64",
    "high": "Float64",
    "seeds": "Int64",
}
SCAN_TABLES = {"geometry": GEOMETRY_COLUMNS, "spectra": SPECTRUM_COLUMNS, "anchors": ANCHOR_COLUMNS}
"""The tables that a scan of a representation gives: at every point, its eigenvalues, and the samples it goes through.

All logarithms are natural. Eigenvalues are those of the metric: means over points and 5 % and 95 % quantiles.
"""
