"""One declaration of the columns of runs.csv, from which all lists of them follow."""

from dataclasses import fields, is_dataclass

import pytest

from geomsym.analysis import setting_columns
from geomsym.config import ArchitectureConfig, RunConfig, TransformConfig
from geomsym.results import LISTED, MAGNIFICATION_COLUMNS, RUN_COLUMNS, RUNS, SETTINGS, RunFolder
from geomsym.results.schema import IDENTITY, METRICS, SHOWN_KEYS, kind_of


def keys(record, prefix=""):
    for item in fields(record):
        value = getattr(record, item.name)
        yield from keys(value, f"{prefix}{item.name}.") if is_dataclass(value) else [f"{prefix}{item.name}"]


def test_every_column_that_shows_a_key_shows_one_that_there_is():
    assert set(keys(RunConfig())) > SHOWN_KEYS and len(SHOWN_KEYS) == len(IDENTITY) - 1


def test_a_column_says_which_run_it_is_or_what_was_measured_or_noted():
    noted = {"experiment", "status", "device", "seconds", "error"}
    assert len(RUN_COLUMNS) == len(RUNS) == len(IDENTITY) + len(METRICS) + len(noted)
    assert {*IDENTITY, *METRICS, *noted} == set(RUN_COLUMNS)


def test_settings_are_what_runs_of_several_seeds_share(runs_table):
    assert setting_columns(runs_table({"data.flip": True})) == [*SETTINGS, "data.flip"]
    assert list(MAGNIFICATION_COLUMNS)[: len(SETTINGS)] == list(SETTINGS) and not {"seed", "run_id"} & set(SETTINGS)
    assert set(LISTED) <= {*IDENTITY}


def test_an_identity_has_the_label_of_the_architecture_and_the_seed_that_the_transform_has(tmp_path, tiny):
    lap = ArchitectureConfig("lap", window=2)
    follows, fixed = (
        RunFolder(tmp_path, tiny(seed=4, transform=TransformConfig("shared_rotation", seed=seed), architecture=lap))
        for seed in (None, 9)
    )
    assert [run.identity["transform_seed"] for run in (follows, fixed)] == [4, 9]
    assert follows.identity["architecture"] == "lap2" and list(follows.identity) == list(IDENTITY)
    assert follows.identity["run_id"] == follows.id


@pytest.mark.parametrize(
    ("values", "kind"),
    [([], "string"), ([None], "string"), ([None, 3], "Int64"), ([1.5, None], "Float64"), ([None, False], "boolean")],
)
def test_a_missing_value_has_no_say_in_the_type_of_a_column(values, kind):
    assert kind_of(values) == kind
