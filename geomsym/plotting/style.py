"""What all figures share: size, colours, the names of things."""

import re
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from geomsym.transforms import GROUPS

OKABE_ITO = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#F0E442")
"""Eight colours that people with any colour vision tell apart (Okabe & Ito 2008)."""

MARKERS = "osD^vP*X"
FAMILIES = ("fcn", "lcn", "vec", "lap", "gap")
"""The architectures from the least to the most symmetric data that they presume."""

RC: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
}


def figure(rows: int, columns: int, panel: tuple[float, float] = (2.9, 2.3)) -> tuple[Figure, list[list]]:
    """A figure of rows × columns panels of a size in inches, with shared axes, and its axes as nested lists."""
    drawn = Figure(figsize=(panel[0] * columns + 1.1, panel[1] * rows + 0.3), layout="constrained")
    return drawn, drawn.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).tolist()


def group_order(names: pd.Series) -> list[str]:
    """The transforms that occur, from the smallest group to the largest."""
    present = set(names)
    return [name for name in GROUPS if name in present]


def architecture_order(names: pd.Series) -> list[str]:
    """The architectures that occur, from FCN to GAP, with windows from small to large."""

    def rank(name: str) -> tuple[int, int]:
        family, window = re.fullmatch(r"(\D*)(\d*)", name).groups()  # pyright: ignore[reportOptionalMemberAccess]
        return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), int(window or 0)

    return sorted(set(names), key=rank)


def architecture_name(name: str) -> str:
    """An architecture as the paper writes it: «GAP», «LAP$^4$»."""
    return re.sub(r"^LAP(\d+)$", r"LAP$^{\1}$", name.upper())


def inference_order(names: pd.Series) -> list[str]:
    """The inference algorithms that occur, the known ones in the paper's order."""
    present = set(names)
    return [name for name in INFERENCE_NAMES if name in present] + sorted(present - set(INFERENCE_NAMES))


def inference_name(name: str) -> str:
    """An inference algorithm as the paper writes it: «NN+»."""
    return INFERENCE_NAMES.get(name, name)


INFERENCE_NAMES = {
    "nn": "NN",
    "nn_plus": "NN+",
    "ntk": "NTK",
    "nngp": "NNGP",
    "cross_entropy": "cross-entropy",
}
