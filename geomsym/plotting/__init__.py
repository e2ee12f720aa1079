"""Figures from the tables of experiments; they read nothing but CSV files."""

# ruff: noqa: E402

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from geomsym.plotting.matplotlib_import import import_matplotlib

import_matplotlib()  # before the modules that import parts of it

from matplotlib.figure import Figure

from geomsym.plotting.accuracy_by_group import accuracy_by_group
from geomsym.plotting.available import curves_there, geometry_there, runs_there, spectra_there, statistics_there
from geomsym.plotting.geometry.magnification import magnification
from geomsym.plotting.geometry.spectra import spectra
from geomsym.plotting.geometry.volume_animations import volume_animations
from geomsym.plotting.geometry.volume_maps import volume_maps
from geomsym.plotting.geometry.volume_paths import volume_paths
from geomsym.plotting.learning_curves import learning_curves
from geomsym.plotting.save import Animation, save
from geomsym.plotting.style import figure_style
from geomsym.results import Results, load


@dataclass(frozen=True)
class Kind:
    """A kind of figure: from tables to (name, figure or animation), none where the tables lack what it needs.

    `there` says in words what the tables hold of that.
    """

    draw: Callable[[Results], Iterator[tuple[str, Figure | Animation]]]
    needs: str
    there: Callable[[Results], str]

    @property
    def name(self) -> str:
        """The beginning of its files' names."""
        return self.draw.__name__


FIGURES = [
    Kind(accuracy_by_group, "finished runs under two groups or more: geomsym sweep transform=…,…", runs_there),
    Kind(learning_curves, "accuracies along training, of inference=nn, nn_plus or cross_entropy", curves_there),
    Kind(volume_maps, "geometry on a grid or a plane: geomsym volume --grid or --plane", geometry_there),
    Kind(volume_animations, "the same, at two training steps or more", geometry_there),
    Kind(volume_paths, "geometry along a path: geomsym volume --interpolate", geometry_there),
    Kind(spectra, "eigenvalues of the metric: geomsym volume geometry.spectrum=true", spectra_there),
    Kind(magnification, "statistics of volume over a grid, path or plane: geomsym volume", statistics_there),
]
"""Every kind of figure, what it needs, and what there is of that."""


@dataclass(frozen=True)
class Drawn:
    """The files that were written, and the kinds of figures for which the tables have nothing."""

    files: list[Path]
    lacking: list[Kind]


def draw_figures(experiment: Path) -> list[Path]:
    """Draw all figures that an experiment's tables allow into its folder `figures`; returns the files."""
    return draw(load(experiment), experiment / "figures").files


def draw(results: Results, folder: Path) -> Drawn:
    """Draw all figures that tables allow into a folder."""
    drawn = Drawn([], [])
    with figure_style():
        for kind in FIGURES:
            files = [path for name, figure in kind.draw(results) for path in save(figure, folder / name)]
            drawn.files.extend(files)
            if not files:
                drawn.lacking.append(kind)
    return drawn


__all__ = ["FIGURES", "Drawn", "Kind", "draw", "draw_figures"]
