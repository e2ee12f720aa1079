"""A home where there is one; caches in a private folder where libraries find none of their own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from geomsym import user_folders
from geomsym.user_folders import cache_folder, home, provide_matplotlib
from marks import slow

posix = pytest.mark.skipif(os.name == "nt", reason="users and modes as Unix has them")


@posix
@pytest.mark.parametrize(
    ("variable", "expected"), [("/home/me", Path("/home/me")), ("", None), ("relative", None), ("~", None)]
)
def test_a_home_is_an_absolute_path(monkeypatch, variable, expected):
    monkeypatch.setenv("HOME", variable)
    assert home() == expected


@posix
def test_a_user_without_an_entry_has_no_home(monkeypatch):
    import pwd

    def unknown(number):
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert home() is None


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path.resolve()


@posix
def test_the_cache_folder_is_the_same_for_all_processes_and_closed_to_others(temporary):
    folder = cache_folder("numba")
    assert folder == cache_folder("numba") == temporary / f"geomsym-{os.getuid()}" / "numba"
    assert folder.is_dir() and folder.parent.stat().st_mode & 0o777 == 0o700


def open_to_all(folder, own):
    own.mkdir()
    own.chmod(0o777)


def a_link(folder, own):
    (folder / "elsewhere").mkdir(mode=0o700)
    own.symlink_to(folder / "elsewhere")


def a_file(folder, own):
    own.touch()


def dangling(folder, own):
    own.symlink_to(folder / "nowhere")


@posix
@pytest.mark.parametrize("spoil", [open_to_all, a_link, a_file, dangling])
def test_a_folder_that_another_user_may_have_made_is_left_alone(temporary, spoil):
    """What lies in it is code that would be run."""
    own = temporary / f"geomsym-{os.getuid()}"
    spoil(temporary, own)
    folder = cache_folder("numba")
    assert folder.parent != own and folder.parent.parent == temporary and not (own / "numba").exists()
    assert folder.parent.stat().st_mode & 0o777 == 0o700


@posix
def test_a_folder_of_another_user_is_left_alone(temporary, monkeypatch):
    (temporary / f"geomsym-{os.getuid() + 1}").mkdir(mode=0o700)
    monkeypatch.setattr(user_folders, "_user", lambda: os.getuid() + 1)
    assert cache_folder("numba").parent != temporary / f"geomsym-{os.getuid() + 1}"


def test_without_a_temporary_folder_there_is_no_cache(monkeypatch):
    def none():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert cache_folder("numba") is None


def test_matplotlib_keeps_the_folders_that_it_has(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    provide_matplotlib()
    assert "MPLCONFIGDIR" not in os.environ


@posix
def test_matplotlib_gets_a_folder_where_the_home_is_missing(temporary, monkeypatch):
    (temporary / "file").touch()
    for variable, value in {"XDG_CONFIG_HOME": "file/x", "XDG_CACHE_HOME": "file/x", "HOME": "file"}.items():
        monkeypatch.setenv(variable, str(temporary / value))
    monkeypatch.setenv("MPLCONFIGDIR", str(temporary / "file" / "x"))
    provide_matplotlib()
    assert os.environ["MPLCONFIGDIR"] == str(temporary / f"geomsym-{os.getuid()}" / "matplotlib")


KERNEL = """
import sys
from pathlib import Path
from geomsym import user_folders
if "read-only" in sys.argv:
    user_folders.is_writable = lambda folder: False
if "no temporary folder" in sys.argv:
    user_folders.cache_folder = lambda library: None
import torch
from geomsym.architectures import specs
from geomsym.kernels import kernel_matrices
print(kernel_matrices(specs("fcn", depth=1), torch.ones(2, 3, 2, 2)).ntk.shape)
"""


@posix
@pytest.mark.parametrize(
    ("arguments", "cached"), [(["read-only"], True), *slow((["read-only", "no temporary folder"], False), ([], None))]
)
def test_kernels_where_no_folder_is_writable(tmp_path, arguments, cached):
    """numba is told to look for a cache in the folder that it is given alone, so that without one it refuses."""
    variables = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "TMPDIR": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "NUMBA_CACHE_DIR")}
    result = subprocess.run(
        [sys.executable, "-c", KERNEL, *arguments], env=environment | variables, capture_output=True, text=True
    )
    if cached is None:  # the control
        assert "no locator available" in result.stderr
        return
    assert result.stdout == "torch.Size([2, 2])\n", result.stderr
    assert bool(list(tmp_path.glob("geomsym-*/numba/*/*.nbi"))) == cached
