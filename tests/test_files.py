"""Files are whole or absent, and numbers read back as they were written."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomsym import files
from geomsym.files import write_atomically, write_csv, write_json, write_text


class Broken(Exception):
    pass


def fails_halfway(path):
    path.write_text("half")
    raise Broken


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(Broken):
        write_atomically(tmp_path / "a.txt", fails_halfway)
    assert (tmp_path / "a.txt").read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_writer_that_fails_leaves_no_new_file(tmp_path):
    with pytest.raises(Broken):
        write_atomically(tmp_path / "a.txt", fails_halfway)
    assert names(tmp_path) == []


def test_until_the_writer_returns_the_old_file_stands(tmp_path):
    path = tmp_path / "a.csv"
    write_text(path, "old")
    seen = []

    def write(temporary):
        temporary.write_text("new")
        seen.extend([path.read_text(), temporary.parent == path.parent, temporary.suffix, temporary.name[0]])

    write_atomically(path, write)
    assert seen == ["old", True, ".csv", "."] and path.read_text() == "new" and names(tmp_path) == ["a.csv"]


def test_the_content_is_on_the_disk_before_the_file_has_its_name(tmp_path, monkeypatch):
    events = []
    fsync, replace = files.os.fsync, files.os.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: (events.append("sync"), fsync(handle)))
    monkeypatch.setattr(files.os, "replace", lambda a, b: (events.append("replace"), replace(a, b)))
    write_atomically(tmp_path / "a", lambda path: (events.append("write"), path.write_text("x")))
    assert events == ["write", "sync", "replace"]


def test_folders_are_made_and_everyone_may_read_the_file(tmp_path):
    write_text(tmp_path / "b" / "c" / "a.txt", "é")
    assert (tmp_path / "b" / "c" / "a.txt").read_bytes() == "é".encode()
    assert (tmp_path / "b" / "c" / "a.txt").stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_undefined_numbers(tmp_path, value):
    write_json(tmp_path / "a.json", {"x": 1.5, "y": None, "z": "é"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": value})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"x": 1.5, "y": None, "z": "é"}
    assert names(tmp_path) == ["a.json"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_read_back_bit_for_bit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(path, pd.DataFrame({"x": values}))
    back = pd.read_csv(path, dtype={"x": float}).x.to_numpy()
    assert back.tobytes() == np.array(values).tobytes()
