"""Judges what came out, by its bytes, against what was planted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from anonymizer import DeidentificationError, Profile
from benchmarks.phi.expected import Expected, expected, keeps
from benchmarks.phi.folding import folded
from benchmarks.phi.implant import Category, Implant, Keeper, Planted
from benchmarks.phi.links import Links
from benchmarks.phi.search import Haystack
from benchmarks.phi.values import plain, values_at

__all__ = ["Score", "Tally", "scored"]

_NUMBERS = frozenset({Category.PHONE, Category.ID, Category.ACCESSION})


@dataclass
class Tally:
    """Implants of a category, or of a kind of place.

    Attributes
    ----------
    refused
        Those of objects that did not come out: neither found nor left.
    gone, left
        Those that had to go.
    kept, lost
        Those that an option of the profile keeps.
    open
        Names that nothing tells from other words in a text that is cleaned, and are left: nobody promised those.
    """

    refused: int = 0
    gone: int = 0
    left: int = 0
    kept: int = 0
    lost: int = 0
    open: int = 0


@dataclass
class Score:
    """What became of a corpus under one profile."""

    objects: int = 0
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    categories: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    places: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    leaks: list[tuple[str, Implant]] = field(default_factory=list)
    lost: list[tuple[str, Implant]] = field(default_factory=list)
    keepers: int = 0
    keepers_lost: list[tuple[str, Keeper]] = field(default_factory=list)
    links: Links = field(default_factory=Links)

    def count(self, implant: Implant, what: str) -> None:
        """One implant more of which `what` is so."""
        for tally in (self.categories[implant.category], self.places[implant.place]):
            setattr(tally, what, getattr(tally, what) + 1)


def scored(objects: Iterable[Planted], profile: Profile, treat: Callable[[bytes], bytes]) -> Score:
    """Treat every object and judge it; an object that is refused counts as that, and as nothing else."""
    score = Score()
    for one in objects:
        score.objects += 1
        try:
            out = treat(one.data)
        except DeidentificationError as refusal:
            score.refusals[one.name, refusal.reason] += 1
            for implant in one.implants:
                score.count(implant, "refused")
            continue
        _implants(score, one, profile, Haystack(out))
        _keepers(score, one, profile, out)
        score.links.add(one, out)
    return score


def _implants(score: Score, one: Planted, profile: Profile, haystack: Haystack) -> None:
    by_pattern: defaultdict[str, list[Implant]] = defaultdict(list)
    for implant in one.implants:
        by_pattern[folded(implant.pattern)].append(implant)
    for implants in by_pattern.values():
        fates = [expected(implant, profile) for implant in implants]
        found = max(haystack.count(i.pattern, number=i.category in _NUMBERS) for i in implants)
        # What stands in several places, of which some are kept, may be found as often as it is kept.
        surplus = found > sum(fate is not Expected.GONE for fate in fates)
        for implant, fate in zip(implants, fates, strict=True):
            _judge(score, one.name, implant, fate, found=found > 0, surplus=surplus)


def _judge(score: Score, name: str, implant: Implant, fate: Expected, *, found: bool, surplus: bool) -> None:
    match fate:
        case Expected.GONE:
            score.count(implant, "left" if surplus else "gone")
            if surplus:
                score.leaks.append((name, implant))
        case Expected.KEPT:
            score.count(implant, "kept" if found else "lost")
            if not found:
                score.lost.append((name, implant))
        case Expected.EITHER:
            score.count(implant, "open" if found and implant.stranger else "kept" if found else "gone")


def _keepers(score: Score, one: Planted, profile: Profile, out: bytes) -> None:
    wanted: Sequence[Keeper] = [keeper for keeper in one.keepers if keeps(keeper, profile)]
    before, after = values_at(one.data), values_at(out)
    score.keepers += len(wanted)
    for keeper in wanted:
        path = plain(keeper.path)
        there = after.get(path, ())
        if keeper.words:
            kept = any(set(keeper.words) <= set(value.replace("'", " ").split()) for value in there)
        else:
            kept = set(before[path]) <= set(there)
        if not kept:
            score.keepers_lost.append((one.name, keeper))
