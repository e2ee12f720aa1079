"""The data folder: config, then environment, then the platform's convention."""

import os
import sys
from pathlib import Path

import pytest

from geomsym.config import SinusoidConfig
from geomsym.data import load
from geomsym.data.folders import data_path, user_folder
from geomsym.errors import UserError


def test_the_root_of_the_config_wins_and_may_begin_with_the_home(monkeypatch):
    monkeypatch.setenv("GEOMSYM_DATA", "/elsewhere")
    assert data_path("/data") == Path("/data")
    assert data_path("~/data") == Path.home() / "data"
    assert data_path(None) == Path("/elsewhere")


def test_without_either_it_is_the_users_folder(monkeypatch):
    monkeypatch.delenv("GEOMSYM_DATA", raising=False)
    assert data_path(None) == user_folder()


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "/given/geomsym"),
        ("linux", None, "~/.local/share/geomsym"),
        ("darwin", None, "~/Library/Application Support/geomsym"),
        ("win32", "LOCALAPPDATA", "/given/geomsym"),
        ("win32", None, "~/AppData/Local/geomsym"),
    ],
)
def test_each_platform_has_its_convention(monkeypatch, platform, variable, expected):
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "/given")
    monkeypatch.setattr(sys, "platform", platform)
    assert user_folder() == Path(expected).expanduser()


@pytest.mark.skipif(os.name == "nt", reason="HOME is Unix's")
@pytest.mark.parametrize("name", ["HOME", "relative"])
def test_without_a_home_the_message_says_what_to_set(monkeypatch, name):
    for variable in ("GEOMSYM_DATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", "" if name == "HOME" else name)
    with pytest.raises(UserError, match=r"set HOME to an absolute path, or .*--data-root, GEOMSYM_DATA or data\.root"):
        data_path(None)
    with pytest.raises(UserError, match="~nobody-of-this-name has no home folder here; write the whole path"):
        data_path("~nobody-of-this-name/x")
    assert data_path("/data") == Path("/data")
    assert len(load(SinusoidConfig(subset_size=4, test_size=4)).train) == 4  # needs no folder
