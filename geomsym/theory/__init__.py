"""Theorems as executable checks: what each one claims, its construction, and the measured deviation."""

from geomsym.theory.checks import Check, deviation
from geomsym.theory.embed import Embedding
from geomsym.theory.invariance import Discovery, check_invariance, discover
from geomsym.theory.laws import INCLUSIONS, Inclusion, Strictness, strictness

__all__ = [
    "INCLUSIONS",
    "Check",
    "Discovery",
    "Embedding",
    "Inclusion",
    "Strictness",
    "check_invariance",
    "deviation",
    "discover",
    "strictness",
]
