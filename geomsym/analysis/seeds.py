"""Summaries over the seeds of otherwise equal runs."""

import pandas as pd

from geomsym.results import SETTINGS


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """The columns that group the runs of a table: runs of one group differ only in their seeds."""
    return [*SETTINGS, *(column for column in map(str, runs) if "." in column)]


def over_seeds(runs: pd.DataFrame, value: str = "best_test_accuracy") -> pd.DataFrame:
    """Mean and standard error of a column over the fitted runs of every setting.

    A run is fitted when its status is «ok» (Xiao & Pennington 2022, App. B.1). Adds the columns `mean`,
    `standard_error` (of the mean, s/√n; missing for one run), `fitted` and `runs`, the numbers of fitted and of all
    runs. A setting without a fitted run has no mean.

    >>> setting = dict.fromkeys(SETTINGS, "the same")
    >>> found = [("ok", 0.25), ("ok", 0.75), ("diverged", 0.1)]  # one run a seed
    >>> runs = pd.DataFrame([setting | {"status": status, "best_test_accuracy": value} for status, value in found])
    >>> over_seeds(runs)[["mean", "standard_error", "fitted", "runs"]].to_dict("records")
    [{'mean': 0.5, 'standard_error': 0.25, 'fitted': 2, 'runs': 3}]
    """
    columns = setting_columns(runs)
    fitted = runs[value].where(runs.status == "ok")
    groups = fitted.groupby([runs[column] for column in columns], dropna=False, sort=False)
    summary = groups.agg(mean="mean", standard_error="sem", fitted="count", runs="size")
    return summary.reset_index()
