"""Importing matplotlib where the user has no folder for its cache, or a configuration that can't be read."""

from geomsym.errors import DataError
from geomsym.user_folders import provide_matplotlib


def import_matplotlib() -> None:
    """Import matplotlib for the first time; raises `DataError` for a matplotlibrc that isn't readable text."""
    provide_matplotlib()
    try:
        import matplotlib  # noqa: F401
    except (UnicodeDecodeError, PermissionError) as error:
        where = "in the working folder, at $MATPLOTLIBRC or in the user's configuration"
        raise DataError(f"matplotlibrc: can't be read ({error}); repair or remove the one {where}") from error
