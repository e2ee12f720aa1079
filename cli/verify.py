"""`geomsym verify`: the theorems, checked numerically."""

import json
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import DataRoot, Json, Overrides, use_data_root

if TYPE_CHECKING:
    from geomsym.theory.invariance import Check


class Suite(StrEnum):
    """What is verified."""

    all = "all"
    invariance = "invariance"
    inclusion = "inclusion"
    kernels = "kernels"


def verify(
    suite: Annotated[Suite, typer.Argument(help="Theorem 4.1; Theorem 3.1; 4.1 at infinite width.")] = Suite.all,
    overrides: Overrides = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of a case of your own.")] = 100,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write the table there too.")] = None,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Check the theorems of Xiao & Pennington (2022), and that what must break is broken, in double precision.

    The exit code is 0 only if everything is as it should be.

    invariance architecture=gap transform=shared_rotation checks coupled training in one case, on any config.
    """
    from geomsym.theory.verify import SUITES, as_it_should_be

    use_data_root(data_root)
    if overrides:
        if suite is not Suite.invariance:
            raise typer.BadParameter("a config is for «geomsym verify invariance» alone")
        checks = [_of_config(overrides, steps)]
    else:
        chosen = SUITES if suite is Suite.all else {suite: SUITES[suite]}
        checks = [item for run in chosen.values() for item in run()]
    _print(checks, as_json)
    if csv is not None:
        _write(checks, csv)
    failed = sum(not as_it_should_be(item) for item in checks)
    if not as_json:
        typer.echo(f"{len(checks)} checks, {failed or 'none'} not as it should be")
    if failed:
        raise typer.Exit(1)


def _of_config(overrides: list[str], steps: int) -> "Check":
    """Coupled training of one configured run."""
    import torch

    from geomsym import data
    from geomsym.config import GradientDescentConfig
    from geomsym.errors import ConfigError
    from geomsym.theory.invariance import check

    from .compose import compose

    cfg = compose(overrides)
    if not isinstance(cfg.inference, GradientDescentConfig):
        raise ConfigError("inference", cfg.inference.name, "is not trained: give nn, nn_plus or cross_entropy")
    training = replace(cfg.inference, max_steps=steps, checkpoint_steps=[])
    dataset = data.load(cfg.data, torch.float64)
    return check(cfg.architecture, cfg.transform.name, dataset, training, cfg.seed)


def _rows(checks: "list[Check]") -> list[dict]:
    from geomsym.theory.verify import verdict

    return [asdict(item) | {"verdict": verdict(item)} for item in checks]


def _print(checks: "list[Check]", as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from .tables import symbol

    rows = _rows(checks)
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for statement in dict.fromkeys(row["statement"] for row in rows):
        part = [row for row in rows if row["statement"] == statement]
        compared = {row["compared"] for row in part}
        columns = ["architecture"]
        columns += ["group"] * any(row["group"] for row in part) + ["compared"] * (len(compared) > 1)
        title = statement if len(compared) > 1 else f"{statement}: {compared.pop()}"
        table = Table(title=title, title_justify="left")
        for name in (*columns, "deviation", "verdict"):
            table.add_column(name, justify="right" if name == "deviation" else "left")
        for row in part:
            shown = row | {"group": symbol(row["group"]) if row["group"] else ""}
            table.add_row(*(shown[name] for name in columns), f"{row['deviation']:.1e}", row["verdict"])
        Console().print(table)


def _write(checks: "list[Check]", path: Path) -> None:
    import pandas as pd

    from geomsym.files import write_csv

    write_csv(path, pd.DataFrame(_rows(checks)))
