"""Where data lie on disk."""

import os
import sys
from pathlib import Path

from geomsym.files import expanded

ROOT_VARIABLE = "GEOMSYM_DATA"


def data_path(root: str | None) -> Path:
    """The data folder or file: `data.root` if given, else $GEOMSYM_DATA, else the user's data folder."""
    chosen = root or os.environ.get(ROOT_VARIABLE)
    return expanded(chosen) if chosen else user_folder()


def user_folder() -> Path:
    """The folder for a user's data by the platform's convention (XDG on Linux), with geomsym's name."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "geomsym"
    if sys.platform == "win32":
        return _from_environment("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    return _from_environment("XDG_DATA_HOME", Path.home() / ".local" / "share")


def _from_environment(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default) / "geomsym"
