"""Figures of scans: the geometry of representations, from the tables alone."""
