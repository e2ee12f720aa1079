"""``python -m geomsym``."""

import os
import sys


def _forget_working_folder() -> None:
    """Take the working folder from where Python looks for modules, or its signal.py would hide the library's."""
    try:
        if not sys.flags.safe_path and sys.path[0] == os.getcwd():
            del sys.path[0]
    except FileNotFoundError:  # it was deleted, and Python has left it out itself
        pass


if __name__ == "__main__":
    _forget_working_folder()
    from geomsym.cli.entry import main  # pyright: ignore[reportMissingImports] (cli/ is installed as geomsym.cli)

    main()
