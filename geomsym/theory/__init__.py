"""Theorems of the literature as code: what they claim, built and measured."""

from geomsym.theory.embed import INCLUSIONS, Embedding, Inclusion, Strictness, deviation, strictness

__all__ = ["INCLUSIONS", "Embedding", "Inclusion", "Strictness", "deviation", "strictness"]
