"""Figures and animations as files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from geomsym.files import write_atomically

FORMATS = ("png", "pdf")
DPI = 200
ANIMATION_DPI = 120
FRAME_TIME, LAST_FRAME_TIME = 350, 1500
"""How long a frame of an animation is shown, in milliseconds."""


@dataclass(frozen=True)
class Animation:
    """A figure that changes: `draw` redraws it for one of the `frames`, which are shown in their order."""

    figure: Figure
    frames: list[int]
    draw: Callable[[int], None]


def save(drawn: Figure | Animation, path: Path) -> list[Path]:
    """Write a figure as `path`.png and `path`.pdf, an animation as `path`.gif; returns the files."""
    if isinstance(drawn, Animation):
        file = path.with_name(f"{path.name}.gif")
        write_atomically(file, lambda temporary: _write_frames(drawn, temporary))
        return [file]
    files = [path.with_name(f"{path.name}.{kind}") for kind in FORMATS]
    for file in files:
        write_atomically(file, lambda temporary, kind=file.suffix[1:]: drawn.savefig(temporary, format=kind, dpi=DPI))
    return files


def _write_frames(animation: Animation, file: Path) -> None:
    """A GIF with a palette for every frame that keeps rare colours, such as those of samples."""
    canvas = FigureCanvasAgg(animation.figure)
    animation.figure.set_dpi(ANIMATION_DPI)
    frames = []
    for frame in animation.frames:
        animation.draw(frame)
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        frames.append(image.quantize(method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE))
    times = [FRAME_TIME] * (len(frames) - 1) + [LAST_FRAME_TIME]
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
