"""Is volume magnified at the decision boundary? Statistics of measured slices, over seeds, with two controls.

Zavatone-Veth et al. (2023) show in pictures that training expands volume elements near decision boundaries. Here
`statistics` turns every scan of a run into a few numbers, and `magnification` takes their means over seeds. It compares
them with those of the same networks at initialisation, and of networks trained on shuffled labels.
"""

from collections.abc import Sequence
from functools import reduce
from operator import sub

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from geomsym.errors import DataError
from geomsym.seeds import numpy_generator

SCAN = ["scan", "kind", "path", "layer"]
"""The columns that tell which slices of different runs are compared with each other."""

RUN = ["run_id", "seed", "shuffled_labels"]
"""The columns of a table of runs that aren't settings."""

VOLUMES = {"": "log_volume", "slice_": "slice_log_volume"}
"""The measured logarithms of volumes, by the prefix of the names of their statistics."""

MEASURED = ["t", "predicted_class", "entropy", "margin", *VOLUMES.values()]
"""The columns that statistics are taken of."""

ROUNDING = 1e-9
"""Logarithms of volumes that differ by no more than this count as equal."""

RESAMPLES = 9999
LEVEL = 0.95
"""The bootstrap's number of resamples, and the confidence level of its interval."""

Array = NDArray[np.float64]


def statistics(table: pd.DataFrame) -> pd.DataFrame:
    """The statistics of every slice: one row a run, scan, step, layer and statistic, with its value.

    `table` has the columns of geometry.csv: run_id, scan, kind, path, layer, step, t, u, v, log_volume,
    slice_log_volume, predicted_class, entropy, margin. The statistics, logarithms being natural:

    - `boundary_difference`: mean log_volume on the decision boundary, see `on_boundary`, minus that off it
    - `spearman_margin`, `spearman_entropy`: rank correlation of log_volume with the margin, the largest logit minus
      the second, and with the entropy of the prediction
    - for paths, `peak_t`, where log_volume is largest among the points; `crossing_t`, where the predicted class
      changes, the place nearest the peak if there are several; `peak_offset` = |peak_t − crossing_t|

    A volume that is magnified at the boundary has a positive difference, a negative correlation with the margin and a
    positive one with the entropy. The same of slice_log_volume have the prefix `slice_`. A value is missing (nan) where
    it isn't defined: if the slice has no boundary, or no points off it, or a volume is nan at a point. The difference
    is also missing if a volume is 0 at a point; the correlations and the peak if it is the same at all points.

    Raises `DataError` where a slice lacks points or has some twice.
    """
    keys = ["run_id", *SCAN, "step"]
    groups = table.groupby(keys, dropna=False, sort=False)
    rows = [
        (*points[keys].iloc[0], name, value) for _, points in groups for name, value in slice_statistics(points).items()
    ]
    types = table.dtypes[keys].to_dict() | {"statistic": "string", "value": "float64"}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def slice_statistics(points: pd.DataFrame) -> dict[str, float]:
    """The statistics of one slice, by their names."""
    on_path = points["kind"].iloc[0] == "path"
    axes = ["t"] if on_path else ["v", "u"]
    shape = tuple(points[axis].nunique() for axis in axes)
    if np.prod(shape) != len(points):
        sides = " x ".join(map(str, shape))
        raise DataError(f"run {points['run_id'].iloc[0]}: {len(points)} points in a slice of {sides}; measure it again")
    ordered = points.sort_values(axes)
    column = {name: ordered[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in MEASURED}
    classes, margin = column["predicted_class"], column["margin"]
    boundary = on_boundary(classes.reshape(shape)).flatten()
    values: dict[str, float] = {}
    for prefix, name in VOLUMES.items():
        log_volume = column[name]
        values[f"{prefix}boundary_difference"] = difference(log_volume, boundary)
        values[f"{prefix}spearman_margin"] = rank_correlation(log_volume, margin)
        values[f"{prefix}spearman_entropy"] = rank_correlation(log_volume, column["entropy"])
        if on_path:
            peak = peak_position(column["t"], log_volume)
            crossing = nearest_to(peak, crossings(column["t"], classes, margin))
            values |= {f"{prefix}peak_t": peak, f"{prefix}crossing_t": crossing}
            values[f"{prefix}peak_offset"] = abs(peak - crossing)
    return values


def on_boundary(classes: NDArray) -> NDArray[np.bool_]:
    """Which points of a path [p] or a grid [rows, columns] have a neighbour of another class.

    Neighbours are the next points along each axis: two on a path, four in a grid. So the boundary is a band that is one
    point wide on either side, at any resolution.
    """
    result = np.zeros(classes.shape, dtype=bool)
    for axis, size in enumerate(classes.shape):
        changes = np.diff(classes, axis=axis) != 0
        result |= np.insert(changes, 0, False, axis) | np.insert(changes, size - 1, False, axis)
    return result


def difference(values: Array, chosen: NDArray[np.bool_]) -> float:
    """The mean of the chosen values among [p] minus the mean of the others; nan if either group is empty."""
    if chosen.all() or not chosen.any() or not np.isfinite(values).all():
        return np.nan
    return float(values[chosen].mean() - values[~chosen].mean())


def rank_correlation(log_volume: Array, other: Array) -> float:
    """Spearman's correlation between the ranks of log_volume and other values [p]; nan where either doesn't vary."""
    if not (varies(log_volume, ROUNDING) and varies(other)):
        return np.nan
    return float(spearmanr(log_volume, other).statistic)  # pyright: ignore[reportAttributeAccessIssue]  # scipy has no types


def peak_position(t: Array, log_volume: Array) -> float:
    """The t [p] of the largest log_volume [p], the first of several; nan where it doesn't vary."""
    return float(t[log_volume.argmax()]) if varies(log_volume, ROUNDING) else np.nan


def varies(values: Array, rounding: float = 0.0) -> bool:
    """Whether values [p] differ by more than rounding, and none is nan; −inf is a value, less than all others."""
    return not np.isnan(values).any() and bool(values.max() > values.min() + rounding)


def crossings(t: Array, classes: NDArray, margin: Array) -> Array:
    """Where between points t [p] of a path the predicted class changes.

    The margin [p] is taken with the opposite sign after the change and interpolated linearly; the crossing is its zero.
    The error is of second order in the distance of the points if the same two classes lead at both. If margins are
    missing or both 0, the crossing is halfway.

    >>> crossings(np.array([0.0, 1.0, 2.0]), np.array([7, 7, 6]), np.array([4.0, 1.0, 3.0])).tolist()
    [1.25]
    """
    (before,) = np.nonzero(np.diff(classes))
    both = margin[before] + margin[before + 1]
    share = np.divide(margin[before], both, out=np.full(len(before), 0.5), where=both > 0)
    return t[before] + share * (t[before + 1] - t[before])


def nearest_to(position: float, places: Array) -> float:
    """The nearest of places [k] to a position, nan without a place; the first place for the position nan."""
    return float(places[np.abs(places - position).argmin()]) if len(places) else np.nan


def magnification(statistics: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of the statistics of trained networks, of two controls, and of the differences from these.

    `statistics` is the result of the function of this name. `runs` has the columns run_id, seed and shuffled_labels
    (boolean); all other columns are settings, and runs with equal settings differ in their seeds only. Runs that `runs`
    doesn't list are left out. One row a setting, slice, layer, statistic, step and `control`, which is one of

    - `trained`: every step but 0; the last step of each run is called «last», as its number differs between runs
    - `initialisation`: step 0 of the same runs
    - `shuffled`: the last step of runs trained on shuffled labels
    - `trained - initialisation`: the mean difference, in the same run, of every step of `trained` from step 0
    - `trained - shuffled`: the difference of the means at the last step; seeds aren't paired

    Each with its `mean`, `standard_error`, the interval `low`, `high` of `mean_over_seeds`, and `seeds`, the number of
    seeds with a value: for `trained - shuffled`, in the smaller group. Several runs of one seed are averaged first.
    """
    settings = [column for column in map(str, runs) if column not in RUN]
    keys = [*settings, *SCAN, "statistic", "step"]
    table = _labelled(statistics.merge(runs, on="run_id", validate="many_to_one"))
    groups = {control: table[table["control"] == control] for control in ("trained", "initialisation", "shuffled")}
    groups["trained - initialisation"] = _changes(groups["trained"], groups["initialisation"], keys)
    samples = {control: _by_seed(group, keys) for control, group in groups.items()}
    samples["trained - shuffled"] = samples["trained"].merge(samples["shuffled"], on=keys, suffixes=("", "_baseline"))
    rows = [
        {"control": control} | sample[keys].iloc[k].to_dict() | mean_over_seeds(*sample.drop(columns=keys).iloc[k])
        for control, sample in samples.items()
        for k in range(len(sample))
    ]
    types = runs.dtypes[settings].to_dict() | statistics.dtypes[[*SCAN, "statistic"]].to_dict()
    columns = [*settings, *SCAN, "statistic", "control", "step", "mean", "standard_error", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns).astype(types)


def mean_over_seeds(values: Sequence[float], baseline: Sequence[float] | None = None) -> dict[str, float]:
    """The mean of values, one a seed, or the difference of two means, with its standard error and bootstrap interval.

    `low` and `high` are the percentiles 2.5 and 97.5 of the mean over resampled seeds, drawn with replacement from each
    group by itself (Efron & Tibshirani 1993, ch. 13). This interval is too narrow for few seeds: for normal values it
    contains the true mean in 75 % of cases with 3 seeds, 85 % with 5, 90 % with 10 and 94 % with 20. `seeds` is the
    number of seeds with a value, in the smaller group; below two there is no standard error and no interval (nan).
    """
    samples = [np.asarray(group, dtype=np.float64) for group in ([values] if baseline is None else [values, baseline])]
    samples = [np.sort(sample[~np.isnan(sample)]) for sample in samples]  # the order of the seeds doesn't matter
    seeds = min(map(len, samples))
    result = {"mean": np.nan, "standard_error": np.nan, "low": np.nan, "high": np.nan, "seeds": seeds}
    if seeds > 0:
        result["mean"] = float(reduce(sub, [sample.mean() for sample in samples]))
    if seeds > 1:
        result["standard_error"] = float(np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples)))
        generator = numpy_generator(0, "analysis.magnification")
        drawn = reduce(sub, [generator.choice(sample, (RESAMPLES, len(sample))).mean(1) for sample in samples])
        result["low"], result["high"] = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return result


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `control` and steps as names, sorted by step; the last step of every run comes last."""
    number = table["step"].astype("float64")
    trained, shuffled = number > 0, table["shuffled_labels"].astype(bool)
    last = trained & (number == number.groupby(table["run_id"]).transform("max"))
    control = np.select([~shuffled & trained, ~shuffled, last], ["trained", "initialisation", "shuffled"], "")
    step = table["step"].astype("string").mask(last, "last")
    return table.assign(control=control, step=step).iloc[number.mask(last, np.inf).argsort(kind="stable")]


def _changes(trained: pd.DataFrame, initial: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The rows of trained networks with their values minus those of the same run at initialisation."""
    same = ["run_id", *(key for key in keys if key != "step")]
    pairs = trained.merge(initial[[*same, "value"]], on=same, suffixes=("", "_before"), validate="many_to_one")
    return pairs.assign(value=pairs["value"] - pairs["value_before"])


def _by_seed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row for each value of the keys, with a list of `values`, one a seed."""
    seeds = table.groupby([*keys, "seed"], dropna=False, sort=False, as_index=False)["value"].mean()
    return seeds.groupby(keys, dropna=False, sort=False)["value"].agg(list).reset_index(name="values")
