"""Data sources, subsets and preprocessing: `load(cfg)` gives a `Dataset`, `SOURCES` lists what there is.

Importing this package imports no image library: each source imports what it needs when it is opened.
"""

from geomsym.data.dataset import Dataset, Split
from geomsym.data.digests import looked_at_once
from geomsym.data.loading import inspect, load
from geomsym.data.registry import SOURCES, fingerprint

__all__ = ["SOURCES", "Dataset", "Split", "fingerprint", "inspect", "load", "looked_at_once"]
