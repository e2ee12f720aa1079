"""Statistics of results."""

from geomsym.analysis.seeds import over_seeds, setting_columns

__all__ = ["over_seeds", "setting_columns"]
