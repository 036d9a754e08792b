"""Conditions made of `and`, `or` and `not`, and their truth in three values.

Both the rules of a `where` and the comparisons of a `check` are such conditions, so the logic is written once. Truth is
that of Kleene's strong three-valued logic, as SQL has it: True, False, and None for *unknown* (the attribute is absent,
or does not read as what it should be). A condition holds only when it is True.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from select_lang.tree import AllOf, AnyOf, Leaf, Logic, Not

__all__ = [
    "Truth",
    "all_true",
    "any_true",
    "conjuncts",
    "depth",
    "flattened",
    "leaves",
    "opposite",
    "rewrite",
    "truth",
]

Truth: TypeAlias = bool | None


def truth(condition: Logic[Leaf], of_leaf: Callable[[Leaf], Truth]) -> Truth:
    """Truth of a condition, given the truth of each leaf."""
    match condition:
        case Not(inner):
            return opposite(truth(inner, of_leaf))
        case AllOf(parts):
            return all_true(truth(part, of_leaf) for part in parts)
        case AnyOf(parts):
            return any_true(truth(part, of_leaf) for part in parts)
        case leaf:
            return of_leaf(leaf)


def opposite(known: Truth) -> Truth:
    """The other of True and False; unknown stays unknown."""
    return None if known is None else not known


def all_true(truths: Iterable[Truth]) -> Truth:
    """False as soon as one is False, else unknown if one is unknown, else True."""
    result: Truth = True
    for one in truths:
        if one is False:
            return False
        if one is None:
            result = None
    return result


def any_true(truths: Iterable[Truth]) -> Truth:
    """True as soon as one is True, else unknown if one is unknown, else False."""
    result: Truth = False
    for one in truths:
        if one is True:
            return True
        if one is None:
            result = None
    return result


def conjuncts(condition: Logic[Leaf]) -> tuple[Logic[Leaf], ...]:
    """What stands between the outermost `and`s."""
    return condition.conditions if isinstance(condition, AllOf) else (condition,)


def leaves(condition: Logic[Leaf]) -> Iterator[Leaf]:
    """Every leaf, in the order of the text."""
    match condition:
        case Not(inner):
            yield from leaves(inner)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case leaf:
            yield leaf


def rewrite(condition: Logic[Leaf], leaf_to: Callable[[Leaf], Leaf]) -> Logic[Leaf]:
    """The same condition with every leaf replaced."""
    match condition:
        case Not(inner):
            return Not(rewrite(inner, leaf_to), condition.at)
        case AllOf(parts):
            return AllOf(tuple(rewrite(part, leaf_to) for part in parts), condition.at)
        case AnyOf(parts):
            return AnyOf(tuple(rewrite(part, leaf_to) for part in parts), condition.at)
        case leaf:
            return leaf_to(leaf)


def flattened(condition: Logic[Leaf]) -> Logic[Leaf]:
    """The same condition without brackets that change nothing: an `and` in an `and`, an `or` in an `or`."""
    match condition:
        case Not(inner):
            return Not(flattened(inner), condition.at)
        case AllOf(parts):
            return AllOf(
                tuple(one for part in parts for one in _parts_of(AllOf, flattened(part))), condition.at
            )
        case AnyOf(parts):
            return AnyOf(
                tuple(one for part in parts for one in _parts_of(AnyOf, flattened(part))), condition.at
            )
        case leaf:
            return leaf


def _parts_of(kind: type, condition: Logic[Leaf]) -> tuple[Logic[Leaf], ...]:
    return (
        condition.conditions
        if isinstance(condition, AllOf | AnyOf) and type(condition) is kind
        else (condition,)
    )


def depth(condition: Logic[Leaf]) -> int:
    """How deep the conditions are nested; a lone leaf is 1. Does not recurse, so that any tree can be asked."""
    deepest, layer = 0, [condition]
    while layer:
        deepest += 1
        inner: list[Logic[Leaf]] = []
        for one in layer:
            match one:
                case Not(only):
                    inner.append(only)
                case AllOf(parts) | AnyOf(parts):
                    inner.extend(parts)
        layer = inner
    return deepest
