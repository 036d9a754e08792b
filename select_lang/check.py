"""Tree → checked tree: attributes exist, operators and values fit them, expressions compile, names are known.

Every fault is collected, so that an author sees all of them at once.
"""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import replace

from select_lang.attributes import UnknownAttribute, canonical, kind_of
from select_lang.distance import has_distance
from select_lang.errors import Fault, SelectError, fault_at
from select_lang.joining import ways
from select_lang.logic import leaves, rewrite
from select_lang.misfits import holds, in_choice, in_join, in_pattern, in_pick, in_rule
from select_lang.span import Span
from select_lang.tree import (
    UNNAMED,
    Choice,
    Everything,
    Join,
    Level,
    LineFilter,
    Reference,
    Rule,
    Select,
    Statement,
    StudyLimit,
    Where,
)

__all__ = ["check"]

_MOST_WAYS = 64


def check(select: Select, text: str = "") -> Statement:
    """Check one statement.

    Parameters
    ----------
    select
        As `parse` made it.
    text
        What it was read from, for the excerpts in messages.

    Returns
    -------
    Statement
        With the canonical name of every attribute.

    Raises
    ------
    SelectError
        With all faults, in the order of the text.
    """
    checker = _Checker(select, text)
    checked = checker.checked()
    if checker.faults:
        raise SelectError(tuple(sorted(checker.faults, key=lambda fault: (fault.line, fault.column))))
    return Statement(checked)


class _Checker:
    """Collects the faults of one statement while it makes the names of attributes canonical."""

    def __init__(self, select: Select, text: str) -> None:
        self.select, self.text = select, text
        self.faults: list[Fault] = []

    def checked(self) -> Select:
        self._names()
        wheres = tuple(
            replace(where, rules=rewrite(where.rules, self._rule), choice=self._choice(where))
            for where in self.select.wheres
        )
        self._circles()
        if self.select.checks:
            self._can_check()
        checks = tuple(rewrite(joins, self._join) for joins in self.select.checks)
        return replace(self.select, source=self._source(), wheres=wheres, checks=checks)

    def _can_check(self) -> None:
        at = next(leaves(self.select.checks[0])).at
        if self.select.level is Level.SERIES:
            message = "a check compares the series of one job, but here every series is a job of its own"
            self._fault(at, message, "Select study, patient or project, whose jobs hold several series.")
        if ways(self.select.checks) > _MOST_WAYS:
            self._fault(
                at, f"there are more than {_MOST_WAYS} ways to satisfy this check", "Use fewer `or`s."
            )

    def _source(self) -> Level | StudyLimit | None:
        limit = self.select.limit
        if limit is None:
            return self.select.source
        return replace(limit, by=self._attribute(limit.by, limit.at) or limit.by)

    def _fault(self, at: Span, message: str, advice: str | None = None) -> None:
        self.faults.append(fault_at(at, self.text, message, advice))

    def _names(self) -> None:
        met: set[str] = set()
        unnamed = any(where.name is None for where in self.select.wheres)
        for where in self.select.wheres:
            if where.name is None:
                continue
            if not where.name.strip():
                self._fault(where.at, "the name is empty")
            elif where.name in met:
                self._fault(
                    where.at, f"the name {where.name!r} is given twice", "Give every where its own name."
                )
            elif where.name == UNNAMED and unnamed:
                self._fault(
                    where.at, f"a where without a name is called {UNNAMED!r}, too", "Give it another name."
                )
            met.add(where.name)

    def _choice(self, where: Where) -> Choice:
        choice = where.choice
        closest, pick = choice.closest, choice.pick
        if closest:
            self._known_name(closest.name, closest.at)
            by = self._attribute(closest.by, closest.at)
            if by and not has_distance(kind_of(by)):
                self._fault(
                    closest.at, f"{holds(by)}, and texts are at no distance", "Use a date, time or number."
                )
            closest = replace(closest, by=by or closest.by)
        if pick and pick.by:
            by = self._attribute(pick.by, pick.at)
            for message, advice in in_pick(replace(pick, by=by)) if by else ():
                self._fault(pick.at, message, advice)
            pick = replace(pick, by=by or pick.by)
        for message, advice in in_choice(self.select.level, choice):
            self._fault(where.at, message, advice)
        return replace(choice, closest=closest, pick=pick)

    def _circles(self) -> None:
        """Refuse names that want to be close to themselves, by however many steps."""
        follows = {where.called: where.choice.closest for where in self.select.wheres}
        for where in self.select.wheres:
            met, closest = {where.called}, where.choice.closest
            while closest and closest.name not in met:
                met.add(closest.name)
                closest = follows.get(closest.name)
            if closest and closest.name == where.called:
                self._fault(
                    closest.at,
                    f"{where.called} is to be closest to itself, by way of {', '.join(met)}"
                    if len(met) > 1
                    else f"{where.called} is to be closest to itself",
                )

    def _rule(self, rule: Rule) -> Rule:
        if isinstance(rule, Everything):
            return rule
        if isinstance(rule, LineFilter):
            for message, advice in in_pattern(rule.pattern):
                self._fault(rule.at, message, advice)
            return rule
        # A rule begins with its attribute.
        at = replace(rule.at, length=min(rule.at.length, len(rule.attribute)))
        keyword = self._attribute(rule.attribute, at)
        if keyword is None:
            return rule
        checked = replace(rule, attribute=keyword)
        for message, advice in in_rule(checked):
            self._fault(rule.at, message, advice)
        return checked

    def _attribute(self, name: str, at: Span) -> str | None:
        try:
            return canonical(name)
        except UnknownAttribute as fault:
            self._fault(at, str(fault), fault.advice)
            return None

    def _join(self, join: Join) -> Join:
        left, right = self._reference(join.left), self._reference(join.right)
        if left is None or right is None:
            return join
        checked = replace(join, left=left, right=right)
        for message, advice in in_join(checked):
            self._fault(join.at, message, advice)
        return checked

    def _reference(self, reference: Reference) -> Reference | None:
        at = replace(reference.at, length=min(reference.at.length, len(reference.name)))
        known = self._known_name(reference.name, at)
        keyword = self._attribute(reference.attribute, reference.at)
        return replace(reference, attribute=keyword) if known and keyword else None

    def _known_name(self, name: str, at: Span) -> bool:
        called = Counter(where.called for where in self.select.wheres)
        number = called[name]
        if number == 0:
            near = difflib.get_close_matches(name, called, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"The names are: {', '.join(called)}."
            self._fault(at, f"no where is named {name!r}", advice)
        elif number > 1:
            self._fault(at, f"{number} wheres have no name, so {name!r} may be either", "Name them.")
        return number == 1
