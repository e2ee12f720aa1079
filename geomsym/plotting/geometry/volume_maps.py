"""Volume and curvature on a grid or a plane of inputs along training, as in Zavatone-Veth et al. (2023), Figs. 1–3."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from geomsym.plotting import style
from geomsym.plotting.geometry.maps import QUANTITIES, Maps
from geomsym.plotting.geometry.scans import scans, step_name
from geomsym.results import Results

FRAMES = 6
"""The most steps that a figure shows."""


def volume_maps(results: Results) -> Iterator[tuple[str, Figure]]:
    """A figure for every layer, scan of a grid or a plane, and setting: its first seed, named in the caption.

    Each quantity has a row of panels and each training step a column. One colour scale holds for all steps, also for
    those that aren't shown.
    """
    for maps in all_maps(results):
        yield f"volume_map_{maps.scan.name}", _draw(maps)


def all_maps(results: Results) -> Iterator[Maps]:
    """The maps of every grid and plane, for the first seed of every setting."""
    geometry = results.geometry
    for scan in scans(results, geometry[geometry.kind.isin(list(QUANTITIES))]):
        maps = Maps(scan.first)
        if maps.scales:
            yield maps


def evenly(steps: list[int], count: int = FRAMES) -> list[int]:
    """At most `count` of the steps, including the first and the last, evenly spaced by rank."""
    ranks = np.linspace(0, len(steps) - 1, min(count, len(steps)))
    return [steps[round(rank)] for rank in ranks]


def _draw(maps: Maps) -> Figure:
    steps = evenly(maps.scan.steps)
    figure, panels = style.figure(len(maps.scales), len(steps), panel=(1.4, 1.4), extra=(1.2, 1.1), compressed=True)
    for row, quantity in zip(panels, maps.scales, strict=True):
        for axes, step in zip(row, steps, strict=True):
            maps.draw(axes, step, quantity)
    for axes, step in zip(panels[0], steps, strict=True):
        axes.set_title(step_name(step), fontsize=8)
    maps.label_axes(panels)
    maps.draw_scales(figure, panels)
    figure.legend(handles=maps.legend(), loc="outside lower center", ncols=6, fontsize=7)
    figure.suptitle(maps.caption, fontsize=7)
    return figure
