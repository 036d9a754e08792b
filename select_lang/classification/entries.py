"""Entries of several texts, put together: which replaces which, which refers to which, in what order to ask them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from select_lang.classification.compiling import TYPES, Question, compile_rule
from select_lang.classification.reading import Faults, RawEntry, RawRule

__all__ = ["Clause", "Entry", "Reason", "compile_entry", "digest_of", "merge", "order_of"]

# Counts up when the same rules come to mean something else, so that what was classified before is noticed.
_MEANING = 1


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule of an entry: a question, or whether any of other entries holds."""

    question: Question | None
    entries: tuple[int, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Reason:
    """An entry that holds for a series: its type and id, either of which may be empty, and its path in its text."""

    type: str
    id: str
    path: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry whose rules are checked: it holds when all of them do."""

    reason: Reason
    clauses: tuple[Clause, ...]


def merge(entries: list[RawEntry], added: list[RawEntry]) -> list[RawEntry]:
    """Entries of another text put where those stand that they replace, or after all."""
    merged: list[RawEntry] = []
    known = {entry.id for entry in entries if entry.id}
    replaced = {entry.id for entry in added} & known
    for entry in entries:
        if entry.id not in replaced:
            merged.append(entry)
        elif not any(other.id == entry.id for other in merged):
            merged += [other for other in added if other.id == entry.id]
    return merged + [entry for entry in added if entry.id not in replaced]


def compile_entry(entry: RawEntry, entries: list[RawEntry], faults: Faults, warnings: Faults) -> Entry:
    """Check the rules of one entry; those that cannot be used go to `faults` instead."""
    clauses = []
    for rule in entry.rules:
        if rule.refers:
            clauses.append(Clause(None, _meant(rule, entries, faults), rule.negated))
        elif question := compile_rule(rule, faults, warnings):
            clauses.append(Clause(question, (), rule.negated))
    return Entry(Reason(entry.type, entry.id, entry.path), tuple(clauses))


def _meant(rule: RawRule, entries: list[RawEntry], faults: Faults) -> tuple[int, ...]:
    meant = tuple(number for number, entry in enumerate(entries) if entry.id == rule.refers)
    if not meant:
        faults.add(f"{rule.path}.rule", f"no entry has the id {rule.refers!r}")
    return meant


def order_of(raw: list[RawEntry], entries: list[Entry], faults: dict[int, Faults]) -> list[int]:
    """Numbers of the entries, each after those that it depends on; a circle is noted as a fault."""
    needs: dict[int, set[int]] = {}
    for number, entry in enumerate(entries):
        needs[number] = {other for clause in entry.clauses for other in clause.entries}
        if any(clause.question and clause.question.attribute == TYPES for clause in entry.clauses):
            needs[number] |= set(range(number))
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = [raw[number] for number in error.args[1]]
        told = " → ".join(entry.id or entry.type for entry in circle)
        message = f"this entry depends on itself: {told}"
        advice = "A rule that asks for ClassifyType depends on all entries above it."
        faults[circle[0].text].add(circle[0].path, message, advice)
        return []


def digest_of(entries: list[RawEntry]) -> str:
    """SHA-256 of what entries say, without descriptions."""
    told = [
        [
            entry.type,
            entry.id,
            [
                [rule.tag, rule.operator, rule.value, rule.negated, rule.refers, rule.within]
                for rule in entry.rules
            ],
        ]
        for entry in entries
    ]
    return hashlib.sha256(json.dumps([_MEANING, told]).encode()).hexdigest()
