"""Tables of results that commands print."""

import pandas as pd
import typer
from rich.table import Table

from geomsym.analysis import over_seeds
from geomsym.plotting import style
from geomsym.plotting.accuracy_by_group import series_names
from geomsym.results import STATISTIC_COLUMNS
from geomsym.transforms import GROUPS

from .output import console


def print_summary(runs: pd.DataFrame, as_json: bool) -> None:
    """The highest test accuracy over fitted seeds, mean ± standard error: an architecture a row, a group a column."""
    summary = over_seeds(runs)
    if as_json:
        typer.echo(summary.to_json(orient="records", indent=1))
        return
    for _, part in summary.groupby(["data", "subset_size", "inference"], dropna=False, sort=False):
        first = part.iloc[0]
        examples = "all" if pd.isna(first.subset_size) else first.subset_size
        typer.echo(f"{first.data}, {examples} training images, {first.inference}: test accuracy (%)")
        console().print(_accuracy_table(part))
    typer.echo("highest along training; mean ± standard error over seeds")
    typer.echo(outcomes(runs))


def outcomes(runs: pd.DataFrame) -> str:
    """«60 runs: 59 ok, 1 diverged»."""
    counts = ", ".join(f"{count} {status}" for status, count in runs.status.value_counts().items())
    return f"{len(runs)} run{'s' * (len(runs) > 1)}: {counts}"


def print_magnification(table: pd.DataFrame, scan: str, as_json: bool) -> None:
    """The statistics of log-volume of one scan at the last step: trained, and against the two controls."""
    table = table.query("scan == @scan")
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1))
        return
    last = table[(table.step == "last") | (table.control == "initialisation")]
    for _, part in last.groupby([c for c in last if c not in STATISTIC_COLUMNS], dropna=False, sort=False):
        _print_statistics(part)
    if len(table):
        typer.echo("logarithms of volume; mean over seeds and 95 % bootstrap interval")


def _print_statistics(part: pd.DataFrame) -> None:
    """The statistics of one setting: a control a row, a statistic a column."""
    first = part.iloc[0]
    where = first.kind if pd.isna(first["path"]) else f"{first.kind} {first['path']}"
    moved = "" if first["transform"] == "identity" else f", {first['transform']}"
    typer.echo(
        f"{first.data}{moved}, {first.architecture}, width {first.width}, depth {first.depth}, {first.activation}, "
        f"{first.inference}: {where}, layer {first.layer}"
    )
    statistics = [name for name in MAGNIFICATION if name in set(part.statistic)]
    shown = Table("", *(MAGNIFICATION[name] for name in statistics))
    for control, name in CONTROLS.items():
        rows = dict(part[part.control == control].set_index("statistic").iterrows())
        if rows:
            shown.add_row(name, *(_interval(rows[item]) if item in rows else "" for item in statistics))
    console().print(shown)


def _interval(row: pd.Series) -> str:
    """«+0.52» over «+0.48…+0.60»."""
    mean = "" if pd.isna(row["mean"]) else f"{row['mean']:+.2f}"
    return mean if pd.isna(row.low) else f"{mean}\n{row.low:+.2f}…{row.high:+.2f}"


MAGNIFICATION = {
    "boundary_difference": "on − off\nboundary",
    "spearman_margin": "ρ with\nmargin",
    "spearman_entropy": "ρ with\nentropy",
    "peak_offset": "|peak −\ncrossing|",
}
CONTROLS = {
    "initialisation": "initialisation",
    "trained": "trained",
    "trained - initialisation": "  − initialisation",
    "shuffled": "shuffled labels",
    "trained - shuffled": "  trained − shuffled",
}
"""What is shown of magnification.csv, with the titles of columns and rows."""


def _accuracy_table(summary: pd.DataFrame) -> Table:
    names = series_names(summary).str.replace(r"\$\^\{(\d+)\}\$", r"^\1", regex=True)
    groups = style.group_order(summary["transform"])
    table = Table("", *map(symbol, groups))
    for architecture in style.architecture_order(summary.architecture):
        for name in names[summary.architecture == architecture].unique():
            line = summary[names == name].set_index("transform")
            table.add_row(name, *(_cell(line.loc[[group]].iloc[-1]) if group in line.index else "" for group in groups))
    return table


def symbol(group: str) -> str:
    """A group's symbol in plain text: «O(3)⊗I», «O(3)^d»."""
    return GROUPS[group].symbol.strip("$").replace(r"\otimes ", "⊗").replace("_d", "")


def _cell(row: pd.Series) -> str:
    """«44.3 ± 1.2», or how many runs were fitted where that is none."""
    if pd.isna(row["mean"]):
        return f"0 of {row['runs']} fitted"
    error = "" if pd.isna(row["standard_error"]) else f" ± {100 * row['standard_error']:.1f}"
    return f"{100 * row['mean']:.1f}{error}"
