from .dataset import Dataset, Split
from .digests import looked_at_once
from .loading import inspect, load
from .registry import SOURCES, fingerprint

__all__ = ["SOURCES", "Dataset", "Split", "fingerprint", "inspect", "load", "looked_at_once"]
