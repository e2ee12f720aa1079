"""`geomsym verify`: the theorems, checked numerically."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geomsym.config import RunConfig

from . import paths
from .options import DataRoot, Device, DeviceOption, Json, Out, Overrides, Workers, resolve_device, use_data_root
from .work import do_runs, executor, exit_code, report_failures, say

if TYPE_CHECKING:
    from geomsym.theory import Check, Discovery
    from geomsym.verification.equal_accuracy import Case


class Suite(StrEnum):
    """What is verified."""

    all = "all"
    invariance = "invariance"
    inclusion = "inclusion"
    kernels = "kernels"
    distribution = "distribution"


STEPS, SEEDS, MARGIN = 100, 12, 4.0
"""Training steps of coupled networks, seeds a side, margin of accuracies in percent: as in the library."""


@dataclass(frozen=True)
class Training:
    """How and where networks are trained whose accuracies are compared."""

    folder: Path
    device: str
    workers: int | None
    seeds: int
    margin: float


def verify(
    suite: Annotated[
        Suite, typer.Argument(help="In this order: all; Theorem 4.1; 3.1; 4.1 at infinite width; 4.1 by accuracies.")
    ] = Suite.all,
    overrides: Overrides = None,
    discover: Annotated[
        bool, typer.Option("--discover", help="invariance: find the largest group that holds.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"invariance: training steps. Default: {STEPS}.", show_default=False)
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=2, help=f"distribution: runs on each side. Default: {SEEDS}.", show_default=False)
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help=f"distribution: a difference in percent that is ignored. Default: {MARGIN:g}.", show_default=False
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            parser=paths.file("--csv"),
            metavar="FILE",
            help="Write the table to this file.",
            show_default=False,
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file("--figure"),
            metavar="FILE",
            help="invariance: draw the table as a figure, .png or .pdf.",
            show_default=False,
        ),
    ] = None,
    out: Out = Path("outputs"),
    workers: Workers = None,
    device: DeviceOption = Device.auto,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Check the theorems of Xiao & Pennington (2022), and the controls that must break them, in double precision.

    The exit code is 0 only if all results are as expected.

    With a config, a part of it is checked for one network on its own data, such as

    geomsym verify invariance architecture=gap transform=shared_rotation

    geomsym verify invariance --discover architecture=gap

    distribution trains networks as geomsym sweep does, under OUT/verify, and takes a minute or two.

    After an interruption the same command continues.
    """
    options = {"--steps": steps, "--seeds": seeds, "--margin": margin, "--workers": workers, "--figure": figure}
    options |= {"--discover": discover, "--device": None if overrides or discover or device is Device.auto else device}
    _refuse_misplaced(suite, overrides, {name for name, value in options.items() if value not in (None, False)})
    _check_values(margin, csv, figure)
    use_data_root(data_root)
    cfg = _composed(overrides) if overrides or discover else None
    where = resolve_device(device)
    training = Training(out / "verify", where, workers, seeds or SEEDS, margin or MARGIN)
    _do(suite, cfg, steps or STEPS, training, discover, csv, figure, as_json)


def _do(
    suite: Suite,
    cfg: RunConfig | None,
    steps: int,
    training: Training,
    discover: bool,
    csv: Path | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Make the checks, show them, and end with the exit code that they deserve."""
    from geomsym.run import check_runs

    from .check_table import show, write

    if cfg is not None:
        check_runs([cfg], training.device)
    found = _discovered(cfg, steps, training.device) if discover and cfg else None
    checks = show(found.checks if found else _checks(suite, cfg, steps, training), as_json)
    if found:
        _say_largest(found, beside=as_json)
    if csv is not None:
        write(checks, csv)
    if figure is not None:
        _draw(checks, cfg, figure)
    failed = sum(not check.as_expected for check in checks)
    if not as_json:
        result = "all as expected" if not failed else f"{failed} not as expected"
        typer.echo(f"{len(checks)} check{'s' * (len(checks) > 1)}, {result}")
    for reason in sorted({_reason(check) for check in checks if check.verdict == "UNCLEAR"}):
        say(reason)
    if failed:
        raise typer.Exit(1)


def _reason(check: "Check") -> str:
    """Why a deviation can be neither rounding nor clear, and what to do."""
    if check.at_least is not None:
        return "Unclear: too few seeds to tell. Give more --seeds, or a larger --margin."
    return (
        "Unclear: the deviation is too large for rounding and too small for a broken symmetry. Rounding errors grow "
        "where training is unstable: give fewer --steps, or in a config a smaller inference.learning_rate_factor."
    )


BELONGS = {
    "--steps": ("invariance", "all"),
    "--figure": ("invariance", "all"),
    "--discover": ("invariance",),
    "--seeds": ("distribution", "all"),
    "--margin": ("distribution", "all"),
    "--workers": ("distribution", "all"),
    "--device": ("distribution", "all"),  # without a config, exact checks are of small networks, on the CPU
}
"""The parts to which an option applies."""


def _refuse_misplaced(suite: Suite, overrides: list[str] | None, options: set[str]) -> None:
    """Refuse options that don't apply to the part."""
    for option in sorted(options):
        if suite not in BELONGS[option]:
            also = ", or goes with a config" if option == "--device" else ""
            raise typer.BadParameter(f"{option} is for «geomsym verify {BELONGS[option][0]}»{also}")
    if overrides and suite is Suite.all:
        raise typer.BadParameter("with a config, say which part: invariance, inclusion, kernels or distribution")
    if overrides and "--figure" in options and "--discover" not in options:
        raise typer.BadParameter("--figure shows all groups: give --discover with a config")


def _check_values(margin: float | None, csv: Path | None, figure: Path | None) -> None:
    """Refuse values that would fail after all has been computed."""
    from geomsym.files import require_writable

    if margin is not None and not 0 < margin < 100:
        raise typer.BadParameter(f"--margin {margin:g}: give a number of percent between 0 and 100")
    if figure is not None and figure.suffix not in (".png", ".pdf"):
        raise typer.BadParameter(f"--figure {figure}: give a name that ends in .png or .pdf")
    for path in (csv, figure):
        if path is not None:
            require_writable(path)


def _composed(overrides: list[str] | None) -> RunConfig:
    """The configured run."""
    from .compose import compose

    return compose(overrides or [])


def _checks(suite: Suite, cfg: RunConfig | None, steps: int, training: Training) -> "Iterator[Check]":
    """The checks of a part, or of all; of one configured run where there is one."""
    from geomsym.theory.verify import suites
    from geomsym.verification.equal_accuracy import small_cases

    if cfg is not None:
        yield from _of_config(suite, cfg, steps, training)
        return
    for name, checks in suites(steps).items():
        if suite in (Suite.all, name):
            yield from checks()
    if suite in (Suite.all, Suite.distribution):
        yield from _trained(small_cases(training.seeds), training)


def _of_config(suite: Suite, cfg: RunConfig, steps: int, training: Training) -> "Iterator[Check]":
    from geomsym.verification.configured_run import inclusion_of, invariance_of, kernels_of
    from geomsym.verification.equal_accuracy import case

    from .progress import work_progress

    match suite:
        case Suite.distribution:
            yield from _trained([case(cfg, training.seeds)], training)
        case Suite.inclusion:
            yield from inclusion_of(cfg, training.device)
        case Suite.kernels:
            with work_progress(cfg.architecture.label) as report:
                check = kernels_of(cfg, training.device, report)
            yield check
        case _:
            with work_progress(cfg.architecture.label) as report:
                check = invariance_of(cfg, steps, training.device, report)
            yield check


def _trained(cases: "list[Case]", training: Training) -> "Iterator[Check]":
    """Train the runs of some cases that aren't finished, and compare accuracies."""
    from geomsym.results import RunFolder
    from geomsym.verification.equal_accuracy import check_distribution

    compared = [[RunFolder(training.folder, cfg) for cfg in case.runs] for case in cases]
    runs = list({run.id: run for folders in compared for run in folders}.values())
    with executor(training.device, training.workers) as place:
        done = do_runs(training.folder, runs, place)
    if done.failures:
        report_failures(training.folder, runs, done.failures)
        raise typer.Exit(exit_code(done.failures.values()))
    table = done.results.runs.set_index("run_id")
    accuracies = table.test_accuracy.where(table.status != "diverged").astype(float)
    for case, folders in zip(cases, compared, strict=True):
        found = [accuracies[run.id] for run in folders]
        yield check_distribution(case, found, training.margin)
    say(f"The runs are in {training.folder}")


def _discovered(cfg: RunConfig, steps: int, device: str) -> "Discovery":
    from geomsym.verification.configured_run import discover_of

    from .progress import work_progress

    with work_progress(cfg.architecture.label) as report:
        return discover_of(cfg, steps, device, report)


def _say_largest(found: "Discovery", beside: bool) -> None:
    """The answer, `beside` the output where that is JSON."""
    from .tables import symbol

    largest = " and ".join(symbol(group) for group in found.largest)
    typer.echo(f"The largest group that training is invariant to: {largest}", err=beside)
    for reason in found.left_out.values():
        typer.echo(f"Left out: {reason}", err=beside)


def _draw(checks: "list[Check]", cfg: RunConfig | None, path: Path) -> None:
    """The figure of the table, with an image of the data."""
    from functools import partial

    import pandas as pd

    from geomsym import data
    from geomsym.config import PhotoPatchesConfig
    from geomsym.files import write_atomically
    from geomsym.plotting import style
    from geomsym.plotting.invariance_figure import invariance_figure

    if cfg is None:  # a flower: its colours tell permutations from rotations
        image, seed = data.load(PhotoPatchesConfig(crop_size=160, image_size=16)).train.x[14], 0
    else:
        image, seed = data.load(cfg.data).train.x[0], cfg.seed
    with style.figure_style():
        figure = invariance_figure(pd.DataFrame([check.row() for check in checks]), image, seed)
        write_atomically(path, partial(figure.savefig, format=path.suffix[1:], dpi=200))
