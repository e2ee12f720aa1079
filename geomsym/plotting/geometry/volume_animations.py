"""Volume and curvature on a grid or a plane of inputs, as a film of training."""

from collections.abc import Iterator

from geomsym.plotting import style
from geomsym.plotting.geometry.maps import Maps
from geomsym.plotting.geometry.scans import step_name
from geomsym.plotting.geometry.volume_maps import all_maps
from geomsym.plotting.save import Animation
from geomsym.results import Results


def volume_animations(results: Results) -> Iterator[tuple[str, Animation]]:
    """The maps of `volume_maps`, on the same scales, with a frame for every step; none for a single step."""
    for maps in all_maps(results):
        if len(maps.scan.steps) > 1:
            yield f"volume_animation_{maps.scan.name}", _animate(maps)


def _animate(maps: Maps) -> Animation:
    """A panel for every quantity; the layout of the first frame holds for all."""
    figure, (panels,) = style.figure(1, len(maps.scales), panel=(3.1, 2.3), extra=(0.3, 1.1), compressed=True)

    def draw(step: int) -> None:
        for axes, quantity in zip(panels, maps.scales, strict=True):
            axes.clear()
            maps.draw(axes, step, quantity)
            axes.set_title(step_name(step), fontsize=8)
        maps.label_axes([panels])

    draw(maps.scan.steps[0])
    maps.draw_scales(figure, [[axes] for axes in panels])
    figure.legend(handles=maps.legend(), loc="outside lower center", ncols=6, fontsize=7)
    figure.suptitle(maps.caption, fontsize=7)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return Animation(figure, maps.scan.steps, draw)
