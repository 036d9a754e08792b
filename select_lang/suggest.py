"""Catalogue → a statement that splits it well, and how well.

The score is ``balance × coverage × clarity - 0.05 × rules``, over all studies of the catalogue:

- balance, 4 p (1 - p), where p is the share of the series that are in a job: 1 when a half is, 0 when none or all are;
- coverage, the share of the studies that make a job;
- clarity, the names of the jobs over their series: 1 when each name finds one series, 1/3 when each finds three;
- rules, how many there are in the statement.

The search is greedy: from nothing, it adds what raises the score most, another named `where` or another rule of one,
until nothing raises it. So series that occur together in many studies become the names of one job.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from select_lang.candidates import candidates
from select_lang.catalogue import Match, Series
from select_lang.evaluate import evaluate
from select_lang.logic import conjuncts
from select_lang.read import read
from select_lang.rules import rule_truth
from select_lang.tree import AllOf, Compare, Everything, Level, Not, Rules, Select, Statement, Where
from select_lang.write import write

__all__ = ["Suggestion", "suggest"]

_COST_OF_A_RULE = 0.05
_MOST_SERIES = 2000
_LEAST_GAIN = 1e-9

_Draft: TypeAlias = tuple[tuple[Rules, ...], ...]
"""For each `where` its rules, all of which must hold."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A statement, its text, its score (at most 1; 0 for one that takes everything), and its jobs."""

    statement: Statement
    text: str
    score: float
    jobs: tuple[Match, ...]


def suggest(catalogue: Iterable[Series]) -> Suggestion:
    """Propose a statement of level study that splits a catalogue well.

    It makes at least one job of the catalogue: where nothing tells the series apart, it takes everything. The order of
    the catalogue does not matter. Of more than 2000 series, the search looks at some 2000 in whole studies, the score
    at all.

    Raises
    ------
    ValueError
        The catalogue is empty.
    """
    series = sorted(catalogue, key=lambda one: one.uid)
    if not series:
        raise ValueError("there is no series to propose a statement for")
    draft = _Search(_some_of(series)).best()
    text = write(_select(draft))
    statement = read(text)
    jobs = evaluate(statement, series)
    taken = sum(len(job.series) for job in jobs)
    studies = len({one.study_uid for one in series})
    score = _score(draft, len(jobs), studies, taken, len(series))
    return Suggestion(statement, text, round(score, 4), jobs)


def _score(draft: _Draft, jobs: int, studies: int, taken: int, series: int) -> float:
    cost = _COST_OF_A_RULE * sum(len(parts) for parts in draft)
    if not jobs:
        return -cost
    share = taken / series
    clarity = len(draft) * jobs / taken if draft else 0.0
    return 4 * share * (1 - share) * (jobs / studies) * clarity - cost


def _some_of(series: Sequence[Series]) -> list[Series]:
    """Whole studies, drawn by the hash of their UID: the same on every machine, and of no one scanner or year."""
    if len(series) <= _MOST_SERIES:
        return list(series)
    sizes = Counter(one.study_uid for one in series)
    drawn: set[str] = set()
    number = 0
    for study_uid in sorted(sizes, key=lambda uid: hashlib.sha256(uid.encode()).digest()):
        if drawn and number + sizes[study_uid] > _MOST_SERIES:
            break
        drawn.add(study_uid)
        number += sizes[study_uid]
    return [one for one in series if one.study_uid in drawn]


class _Search:
    """Drafts over some series, which are known by their number."""

    def __init__(self, series: Sequence[Series]) -> None:
        self._studies = [one.study_uid for one in series]
        self._number_of_studies = len(set(self._studies))
        self._holds: dict[Rules, frozenset[int]] = {}
        seen: set[frozenset[int]] = set()
        for rule in candidates(series):
            truths = _truths(rule, series)
            parts: tuple[tuple[Rules, bool], ...] = ((rule, True), (Not(rule), False))
            for part, wanted in parts:
                held = frozenset(number for number, known in enumerate(truths) if known is wanted)
                if held not in seen and 0 < len(held) < len(series):
                    seen.add(held)
                    self._holds[part] = held

    def best(self) -> _Draft:
        """The draft that nothing raises any more; empty when none is worth anything."""
        draft: _Draft = ()
        score = 0.0
        while True:
            # Of equals, the first: it has the simpler rule.
            raised = max(self._steps(draft), key=self._score, default=draft)
            if self._score(raised) <= score + _LEAST_GAIN:
                return draft
            draft, score = raised, self._score(raised)

    def _steps(self, draft: _Draft) -> Iterator[_Draft]:
        for part in self._holds:
            if not isinstance(part, Not):
                yield (*draft, (part,))
            for number, parts in enumerate(draft):
                if part not in parts:
                    yield (*draft[:number], (*parts, part), *draft[number + 1 :])

    def _score(self, draft: _Draft) -> float:
        taken: set[int] = set()
        counts = []
        for parts in draft:
            found = frozenset.intersection(*(self._holds[part] for part in parts)) - taken
            taken |= found
            counts.append(Counter(self._studies[number] for number in found))
        complete = set.intersection(*(set(count) for count in counts)) if counts else set()
        in_jobs = sum(count[study] for count in counts for study in complete)
        return _score(draft, len(complete), self._number_of_studies, in_jobs, len(self._studies))


def _truths(rule: Compare, series: Sequence[Series]) -> list[bool | None]:
    known: dict[tuple[str, ...], bool | None] = {}
    truths = []
    for one in series:
        values = one.values(rule.attribute)
        if values not in known:
            known[values] = rule_truth(rule, one)
        truths.append(known[values])
    return truths


def _select(draft: _Draft) -> Select:
    if not draft:
        return Select(Level.STUDY, None, (Where(None, Everything()),))
    wheres: list[Where] = []
    for parts in draft:
        rules: Rules = parts[0] if len(parts) == 1 else AllOf(parts)
        wheres.append(Where(_name(rules, {where.called for where in wheres}), rules))
    return Select(Level.STUDY, None, tuple(wheres))


def _name(rules: Rules, taken: set[str]) -> str:
    """What a `where` is called: the word of its first rule, if that is about words."""
    first = conjuncts(rules)[0]
    word = re.sub(r"\W+", "_", first.value).strip("_") if isinstance(first, Compare) else ""
    name = word if word[:1].isalpha() else "IMAGES"
    number = 2
    while name in taken:
        name, number = f"{word or 'IMAGES'}_{number}", number + 1
    return name
