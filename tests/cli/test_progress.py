"""What the display says, in a terminal of 80 columns, at given times."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from geomsym.cli.progress import JobProgress
from geomsym.config import ArchitectureConfig, KernelRegressionConfig, TransformConfig
from geomsym.execute import Failed, Finished, Progressed, Retried, WorkerDied


class Clock:
    now = 0.0


@pytest.fixture
def shown(tiny):
    """A display of runs, a clock, and a function that gives its lines."""

    def make(runs, what="runs"):
        out = io.StringIO()
        console = Console(file=out, width=80, force_terminal=True, color_system=None, legacy_windows=False)
        display, clock = JobProgress(runs, what, console), Clock()
        display.bars.get_time = lambda: clock.now
        for task in display.bars.tasks:
            task._get_time, task.start_time = display.bars.get_time, 0.0
        display.pace.reports.clear()
        display._report()

        def lines():
            for task in display.bars.tasks:
                task._get_time = display.bars.get_time
            with console.capture() as captured:
                console.print(display.bars.make_tasks_table(display.bars.tasks))
            return [line.rstrip() for line in captured.get().splitlines()]

        return display, clock, lines

    return make


def early(cfg):
    return replace(cfg, inference=replace(cfg.inference, stop_when_fitted=True))


def test_the_time_left_is_said_with_the_second_report_of_steps_and_of_lambda_max(tiny, shown):
    display, clock, lines = shown([early(tiny())])
    display.show(Progressed(0, 0, 30, "λmax"))
    assert lines()[1].endswith("0:00 so far")
    clock.now = 1.0
    display.show(Progressed(0, 10, 30, "λmax"))
    assert "10/30 λmax" in lines()[1] and lines()[1].endswith("≤ 0:02 left")
    assert lines()[0].endswith("so far")  # λmax is no part of the steps
    display.show(Progressed(0, 0, 2500, "train 10%"))
    clock.now = 2.0
    display.show(Progressed(0, 50, 2500, "train 10%"))
    assert lines()[1].endswith("≤ 0:49 left") and lines()[0].endswith("≤ 1:38 left")


def test_work_that_does_not_end_early_is_not_at_most(tiny, shown):
    kernels = replace(tiny(), inference=KernelRegressionConfig())
    for runs, what in (([kernels], "runs"), ([tiny()], "runs"), ([early(tiny())], "scans")):
        display, clock, lines = shown(runs, what)
        display.show(Progressed(0, 0, 100, "pairs"))
        clock.now = 10.0
        display.show(Progressed(0, 50, 100, "pairs"))
        assert all(line.endswith(" 0:10 left") and "≤" not in line for line in lines())


def test_the_bar_of_all_runs_counts_the_parts_of_those_at_work(tiny, shown):
    display, clock, lines = shown([early(tiny(seed=seed)) for seed in range(4)])
    display.show(Progressed(0, 0, 20, ""))
    display.show(Progressed(1, 0, 20, ""))
    clock.now = 60.0
    display.show(Finished(0))
    display.show(Progressed(1, 10, 20, ""))
    assert lines()[0].startswith("runs") and "1/4" in lines()[0] and lines()[0].endswith("≤ 1:40 left")
    display.show(Finished(1))
    assert lines()[0].endswith("≤ 1:00 left") and len(lines()) == 1
    display.show(Finished(2))
    display.show(Failed(3, RuntimeError("no luck")))
    assert lines()[0].endswith("1:00") and display.succeeded == 3


def test_everything_fits_into_eighty_columns(tiny, shown):
    cfg = tiny(transform=TransformConfig("shared_permutation"), architecture=ArchitectureConfig("lap", window=4))
    display, clock, lines = shown([early(replace(cfg, inference=replace(cfg.inference, name="cross_entropy")))])
    display.show(Progressed(0, 0, 10000, "train 100%"))
    clock.now = 3600.0
    display.show(Progressed(0, 4000, 10000, "train 100%"))
    assert all(len(line) <= 80 for line in lines()) and len(lines()) == 2
    assert "4000/10000 train 100% ≤ 1:30:00 left" in " ".join(lines()[1].split())


def test_a_run_that_is_begun_anew_is_said_and_has_no_bar_until_it_is_at_work_again(tiny, shown):
    display, _, lines = shown([early(tiny(seed=seed)) for seed in range(2)])
    display.show(Progressed(1, 10, 20, ""))
    assert len(lines()) == 2
    with display.bars.console.capture() as said:
        display.show(Retried(1, WorkerDied("was ended by SIGKILL", "Give fewer --workers.")))
    assert said.get() == "identity fcn nn_plus 1: its worker process was ended by SIGKILL; it is begun anew.\n"
    assert len(lines()) == 1 and display.succeeded == 0
    display.show(Progressed(1, 0, 20, ""))
    assert len(lines()) == 2
