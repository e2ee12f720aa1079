"""Tables of measured geometry whose values are known by hand, for the figures that draw them."""

import math

import numpy as np
import pandas as pd
import pytest

from geomsym.results import (
    ANCHOR_COLUMNS,
    CURVE_COLUMNS,
    GEOMETRY_COLUMNS,
    MAGNIFICATION_COLUMNS,
    SPECTRUM_COLUMNS,
    Results,
)

STEPS = (0, 1, 10, 100)
BOUNDARY = 0.3
"""Where class 0 ends and class 1 begins, in u and in t, at the last step; before it all is class 0."""


def typed(rows, columns):
    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)


def measured(kind, step, last, **coordinates):
    """A point; log-volume is 2 + step/100 on the boundary and falls off linearly, and at the end class 1 is beyond."""
    x = coordinates["t"] if kind == "path" else coordinates["u"]
    return {
        "scan": f"scan{kind}",
        "step": step,
        "kind": kind,
        "path": "line" if kind == "path" else None,
        "layer": "1",
        **coordinates,
        "log_volume": 2 + step / 100 - abs(x - BOUNDARY),
        "slice_log_volume": 1 - abs(x - BOUNDARY),
        "rank": 2,
        "kept": 2,
        "scalar_curvature": (x - BOUNDARY) * (1 + step),
        "predicted_class": int(step == last and x > BOUNDARY),
        "entropy": math.log(2) * math.exp(-abs(x - BOUNDARY)),
        "margin": abs(x - BOUNDARY) if step == last else 1.0,
        "normalization": "features",
        "convention": "standard",
        "floor": 1e-8,
    }


@pytest.fixture
def geometry_rows():
    """A function to rows of geometry.csv in a shuffled order, for a kind of scan and a run."""

    def rows(kind, run_id="000000000000", steps=STEPS, resolution=7, **changes):
        ticks = np.linspace(-1, 1, resolution).tolist()
        places = [{"u": u, "v": v} for u in ticks for v in ticks]
        places = [{"t": t} for t in np.linspace(0, 1, 11).tolist()] if kind == "path" else places
        made = [measured(kind, step, steps[-1], **place) for step in steps for place in places]
        order = np.random.default_rng(0).permutation(len(made))
        return [made[k] | {"run_id": run_id, "point": int(k)} | changes for k in order]

    return rows


@pytest.fixture
def measured_results(runs_table):
    """A function from rows of the tables to results; by default of one run of a network on XOR."""

    def results(geometry=(), spectra=(), anchors=(), magnification=(), runs=({},)):
        usual = {"data": "xor", "architecture": "fcn", "width": 20, "activation": "sigmoid", "inference": "nn"}
        return Results(
            runs_table(*(usual | row for row in runs)),
            typed((), CURVE_COLUMNS),
            geometry=typed(geometry, GEOMETRY_COLUMNS),
            spectra=typed(spectra, SPECTRUM_COLUMNS),
            anchors=typed(anchors, ANCHOR_COLUMNS),
            magnification=typed(magnification, MAGNIFICATION_COLUMNS),
        )

    return results
