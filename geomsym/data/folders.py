"""Where data lie on disk."""

import os
import sys
from pathlib import Path

from geomsym.errors import UserError
from geomsym.files import expanded
from geomsym.user_folders import HOME_VARIABLE, home

ROOT_VARIABLE = "GEOMSYM_DATA"


def data_path(root: str | None) -> Path:
    """The data folder or file: `data.root` if given, else $GEOMSYM_DATA, else the user's data folder."""
    chosen = root or os.environ.get(ROOT_VARIABLE)
    return expanded(chosen) if chosen else user_folder()


def user_folder() -> Path:
    """The folder for a user's data by the platform's convention (XDG on Linux), with geomsym's name.

    Raises `UserError` where that is below the user's home, and there is none.
    """
    if sys.platform == "darwin":
        return _home() / "Library" / "Application Support" / "geomsym"
    variable, below = (
        ("LOCALAPPDATA", "AppData/Local") if sys.platform == "win32" else ("XDG_DATA_HOME", ".local/share")
    )
    base = os.environ.get(variable)
    return (Path(base) if base else _home() / below) / "geomsym"


NO_HOME = f"this user has no home folder: set {HOME_VARIABLE} to an absolute path"


def _home() -> Path:
    folder = home()
    if folder is None:
        where = f"say where data lie by --data-root, {ROOT_VARIABLE} or data.root"
        raise UserError(f"the user's data folder: {NO_HOME}, or {where}")
    return folder
