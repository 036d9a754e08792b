"""Proof of de-identification: a corpus with planted identity, and a judge of what comes out.

`corpus` makes objects from a seed, with a note of every implant and of every value that must stay. `scored` treats
them and searches the bytes that come out, in every encoding and whatever the case and accents; what is expected is read
from the tables of PS3.15, not from the engine's own plan. ``python -m benchmarks.phi`` (make phi-report) prints it.
"""

from benchmarks.phi.burned_in import LinesScore, lines_scored
from benchmarks.phi.corpus import KEY, corpus, drawn_screens
from benchmarks.phi.folding import folded
from benchmarks.phi.implant import Category, Implant, Keeper, Planted
from benchmarks.phi.interval import wilson
from benchmarks.phi.profiles import PROFILES, treatment
from benchmarks.phi.score import Score, Tally, scored
from benchmarks.phi.search import Haystack

__all__ = [
    "KEY",
    "PROFILES",
    "Category",
    "Haystack",
    "Implant",
    "Keeper",
    "LinesScore",
    "Planted",
    "Score",
    "Tally",
    "corpus",
    "drawn_screens",
    "folded",
    "lines_scored",
    "scored",
    "treatment",
    "wilson",
]
