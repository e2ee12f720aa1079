from .dataset import Dataset, Split
from .loading import inspect, load
from .registry import SOURCES, fingerprint

__all__ = ["SOURCES", "Dataset", "Split", "fingerprint", "inspect", "load"]
