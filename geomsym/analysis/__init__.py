"""Statistics of results."""

from geomsym.analysis.seeds import over_seeds, settings

__all__ = ["over_seeds", "settings"]
