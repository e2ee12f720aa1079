"""Figures from the tables of experiments; they read nothing but CSV files."""

# ruff: noqa: E402

from collections.abc import Callable, Iterator
from pathlib import Path

from geomsym.plotting.matplotlib_import import import_matplotlib

import_matplotlib()  # before the modules that import parts of it

from matplotlib.figure import Figure

from geomsym.plotting.accuracy_by_group import accuracy_by_group
from geomsym.plotting.learning_curves import learning_curves
from geomsym.plotting.magnification import magnification
from geomsym.plotting.save import Animation, save
from geomsym.plotting.spectra import spectra
from geomsym.plotting.style import figure_style
from geomsym.plotting.volume_animations import volume_animations
from geomsym.plotting.volume_maps import volume_maps
from geomsym.plotting.volume_paths import volume_paths
from geomsym.results import Results, load

FIGURES: list[Callable[[Results], Iterator[tuple[str, Figure | Animation]]]] = [
    accuracy_by_group,
    learning_curves,
    volume_maps,
    volume_animations,
    volume_paths,
    spectra,
    magnification,
]
"""Every kind of figure: from tables to (name, figure or animation); nothing if the tables lack the rows for it."""


def draw_figures(experiment: Path) -> list[Path]:
    """Draw all figures that an experiment's tables allow into its folder `figures`; returns the files."""
    results = load(experiment)
    with figure_style():
        return [
            path
            for kind in FIGURES
            for name, figure in kind(results)
            for path in save(figure, experiment / "figures" / name)
        ]


__all__ = ["FIGURES", "draw_figures"]
