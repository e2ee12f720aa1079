"""Figures from the tables of experiments; they read nothing but CSV files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from geomsym.plotting.accuracy_by_group import accuracy_by_group
from geomsym.plotting.learning_curves import learning_curves
from geomsym.plotting.magnification import magnification
from geomsym.plotting.save import Animation, save
from geomsym.plotting.spectra import spectra
from geomsym.plotting.style import RC
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
    with matplotlib.rc_context(RC):
        return [
            path
            for kind in FIGURES
            for name, figure in kind(results)
            for path in save(figure, experiment / "figures" / name)
        ]


__all__ = ["FIGURES", "draw_figures"]
