"""``python -m geomsym``."""

from geomsym.cli.main import app  # pyright: ignore[reportMissingImports] (cli/ is installed as geomsym.cli)

app(prog_name="geomsym")
