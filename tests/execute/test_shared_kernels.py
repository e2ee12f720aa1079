"""Runs of a sweep share the kernels of the same images, and nothing else does."""

import numpy as np
import pytest

from geomsym.cli.compose import compose, compose_sweep
from geomsym.execute import Finished, Processes, Serial, jobs
from geomsym.execute.record import KERNELS, alongside
from geomsym.results import RunFolder, collect
from geomsym.run import run
from marks import slow

SMALL = ["data.subset_size=20", "data.test_size=20", "data.image_size=4", "architecture.depth=1"]
SWEEP = [*SMALL, "architecture=vec,gap", "inference=ntk,nngp", "transform=identity,pixel_rotation", "seed=0,1"]


def names(architectures):
    return {item.name for item in architectures}


def test_runs_on_the_same_images_go_together():
    runs = compose_sweep([*SWEEP, "inference.targets=centered"])[1]
    assert all(names(others) == {"vec", "gap"} for others in alongside(runs))


@pytest.mark.parametrize(
    "different",
    ["data.seed=1", "transform=pixel_rotation", "transform=global_rotation", "dtype=float64", "data.preprocess=zca"],
)
def test_runs_on_other_images_do_not(different):
    runs = [compose([*SMALL, "inference=ntk", "architecture=vec"])]
    runs.append(compose([*SMALL, "inference=ntk", "architecture=gap", different]))
    assert [names(others) for others in alongside(runs)] == [{"vec"}, {"gap"}]


def test_only_drawn_transforms_depend_on_the_seed():
    for transform, together in (("identity", True), ("pixel_rotation", False)):
        common = [*SMALL, "inference=ntk", f"transform={transform}"]
        runs = [compose([*common, "architecture=vec"]), compose([*common, "architecture=gap", "seed=1"])]
        assert (names(alongside(runs)[0]) == {"vec", "gap"}) == together


def test_trained_networks_have_no_company(tiny):
    runs = [tiny(), compose([*SMALL, "inference=ntk", "architecture=vec"])]
    assert [names(others) for others in alongside(runs)] == [set(), {"vec"}]


@pytest.mark.parametrize("workers", [2, *slow(1)])
def test_a_sweep_with_shared_kernels_gives_what_its_runs_give_alone(tmp_path, workers):
    """16 runs, each beside the same run by itself, without a store."""
    folder = tmp_path / "sweep"
    runs = [RunFolder(folder, cfg) for cfg in compose_sweep(SWEEP)[1]]
    events = []
    with Serial("cpu") if workers == 1 else Processes("cpu", workers) as executor:
        executor.run(jobs(runs), events.append)
    assert sum(isinstance(event, Finished) for event in events) == 16
    rows = collect(folder).runs.set_index("run_id")
    for one in runs:
        alone, row = run(one.cfg), rows.loc[one.id]
        for column in ("test_accuracy", "test_mse", "condition"):
            np.testing.assert_allclose(row[column], alone.fit.metrics[column], rtol=1e-3)
    tiles = list((tmp_path / KERNELS).glob("*/*.npy"))
    assert len(tiles) == 2 * 2 * 3  # architectures, matrices, and images: as they are, and rotated by two seeds
