"""Recommended sets: which models to use on which machine, one signed file a quarter, without any network.

A set ships with the program; others are imported from files, and every one is kept. Whose signature counts is told by
the user. Applying a set fills in only what the user has not chosen, in one write, and going back takes out only what a
set has put in. Nothing is downloaded.
"""

from llamune.recommend.applying import apply, presets
from llamune.recommend.reading import LARGEST, read
from llamune.recommend.sets import Sets
from llamune.recommend.signing import SIGNED, Standing, new_key, signed, standing
from llamune.recommend.values import PREFIX, Difference, Recommended, RecommendedSet, age

__all__ = [
    "LARGEST", "PREFIX", "SIGNED", "Difference", "Recommended", "RecommendedSet", "Sets", "Standing", "age", "apply",
    "new_key", "presets", "read", "signed", "standing",
]  # fmt: skip
