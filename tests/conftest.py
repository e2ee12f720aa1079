"""What several folders of tests share: one thread, the smallest run there is, and tables of results."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from geomsym.config import ArchitectureConfig, GradientDescentConfig, RunConfig, SinusoidConfig
from geomsym.results import RUN_COLUMNS


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The tensors here are small, and threads that wait for each other cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    """Output of a known width without colours, and no data folder of the user's own."""
    for name, value in {"NO_COLOR": "1", "COLUMNS": "80", "GEOMSYM_DATA": ""}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def cache_of_its_own(monkeypatch, tmp_path_factory):
    """Digests of a test's files are remembered apart from the user's, and apart from those of other tests."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("geomsym.data.digest_cache.cache_folder", lambda: folder)
    monkeypatch.setattr("geomsym.data.digest_cache._remembered", {})
    return folder


@pytest.fixture
def tiny():
    """A function from changed root values to a run of a few milliseconds: points of the plane, a narrow network."""
    base = RunConfig(
        data=SinusoidConfig(subset_size=40, test_size=40),
        architecture=ArchitectureConfig(name="fcn", width=8, depth=2),
        inference=GradientDescentConfig(max_steps=20, eval_every=5, learning_rate=0.1, stop_when_fitted=False),
    )
    return lambda **changes: replace(base, **changes)


@pytest.fixture
def runs_table():
    """A function from rows to a table of runs with its types; what a row leaves out has an ordinary value."""
    usual = {
        "experiment": "made_up",
        "data": "photo_patches",
        "transform": "identity",
        "transform_seed": 0,
        "architecture": "gap",
        "width": 8,
        "depth": 2,
        "activation": "relu",
        "inference": "nn_plus",
        "subset_size": 40,
        "seed": 0,
        "status": "ok",
    }

    def table(*rows: dict) -> pd.DataFrame:
        full = [{"run_id": f"{k:012x}"} | usual | row for k, row in enumerate(rows)]
        details = [key for row in rows for key in row if "." in key]
        return pd.DataFrame(full, columns=[*RUN_COLUMNS, *dict.fromkeys(details)]).astype(RUN_COLUMNS)

    return table
