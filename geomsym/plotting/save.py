"""Figures as files."""

from pathlib import Path

from matplotlib.figure import Figure

from geomsym.files import write_atomically

FORMATS = ("png", "pdf")


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as `path`.png and `path`.pdf; returns the files."""
    files = [path.with_name(f"{path.name}.{kind}") for kind in FORMATS]
    for file in files:
        write_atomically(file, lambda temporary, kind=file.suffix[1:]: figure.savefig(temporary, format=kind, dpi=200))
    return files
