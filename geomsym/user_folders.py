"""The user's home, and folders for what libraries keep between runs where there is none.

Imports nothing that takes time: a command looks here before it imports anything else.
"""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

HOME_VARIABLE = "USERPROFILE" if os.name == "nt" else "HOME"


def home() -> Path | None:
    """The user's home folder, by $HOME or the system's list of users; None where neither has an absolute path."""
    folder = os.path.expanduser("~") if os.environ.get(HOME_VARIABLE, "-") else "~"
    return Path(folder) if os.path.isabs(folder) else None


def cache_folder(library: str) -> Path | None:
    """A private folder for the cache of a library, made under the folder for temporary files; None if none can be.

    It is the same in every process of the user. It belongs to the user and is closed to all others, since what
    libraries cache is code; where another user has taken its name, the folder is one of this process.
    """
    try:
        folder = Path(tempfile.gettempdir()).resolve() / f"geomsym-{_user()}"
        if not _is_private(folder):
            folder = Path(tempfile.mkdtemp(prefix="geomsym-"))
        (folder / library).mkdir(exist_ok=True)
    except OSError:
        return None
    return folder / library


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows has a temporary folder for each user


def _is_private(folder: Path) -> bool:
    """Whether a folder, made if it isn't there, is the user's own and closed to others; links don't count."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    closed = os.name == "nt" or not status.st_mode & 0o077
    return stat.S_ISDIR(status.st_mode) and status.st_uid == _user() and closed and os.access(folder, os.W_OK)


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which itself is made if it isn't there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def provide_matplotlib() -> None:
    """Give matplotlib a cache folder where it would find none; by itself it warns, and forgets its fonts each time."""
    given = os.environ.get("MPLCONFIGDIR")
    usual = [_by_convention("XDG_CONFIG_HOME", ".config"), _by_convention("XDG_CACHE_HOME", ".cache")]
    if not all(_can_hold(folder, "matplotlib") for folder in usual) if given is None else not is_writable(Path(given)):
        _set("MPLCONFIGDIR", cache_folder("matplotlib"))


def provide_numba(beside: Path) -> bool:
    """Give numba a cache folder where it would find none; whether it has one now.

    It looks in $NUMBA_CACHE_DIR, in __pycache__ `beside` the code, and in the user's home, and raises an error where it
    can write in none of them. Without a home it would make a folder named «~».
    """
    from numba import config

    given, by_convention = os.environ.get("NUMBA_CACHE_DIR"), _by_convention("XDG_CACHE_HOME", ".cache")
    if (given and is_writable(Path(given))) or is_writable(beside / "__pycache__") or _can_hold(by_convention, "numba"):
        return True
    folder = cache_folder("numba")
    _set("NUMBA_CACHE_DIR", folder)  # for worker processes
    config.CACHE_DIR = str(folder or "")  # pyright: ignore[reportAttributeAccessIssue]
    return folder is not None


def _by_convention(variable: str, below_home: str) -> Path | None:
    """A base folder of the XDG convention: by its variable, else below the home; None where that isn't absolute."""
    default = home()
    given = os.environ.get(variable, str(default / below_home) if default else "")
    return Path(given) if os.path.isabs(given) else None


def _can_hold(base: Path | None, library: str) -> bool:
    return base is not None and is_writable(base / library)


def _set(variable: str, folder: Path | None) -> None:
    if folder is not None:
        os.environ[variable] = str(folder)
