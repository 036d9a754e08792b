"""Catalogue → the rules that tell some of its series from the others, simple ones first."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from select_lang.attributes import Kind
from select_lang.catalogue import Series
from select_lang.tree import Compare, Operator
from select_lang.values import read_value

__all__ = ["candidates"]

_MOST_WORDS = 40
_MOST_CUTS = 16
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")


def candidates(catalogue: Sequence[Series]) -> tuple[Compare, ...]:
    """Rules on what varies; one that is earlier is preferred to a later one that holds for the same series."""
    return (
        *_of_words(catalogue, "ClassifyTypes", Operator.CONTAINING, lambda text: [text]),
        *_of_words(catalogue, "Modality", Operator.EQUAL, lambda text: [text]),
        *_of_words(catalogue, "SeriesDescription", Operator.CONTAINING, _WORD.findall),
        *_of_words(catalogue, "BodyPartExamined", Operator.EQUAL, lambda text: [text]),
        *_of_words(catalogue, "ImageType", Operator.EQUAL, lambda text: [text]),
        *_of_words(catalogue, "ProtocolName", Operator.CONTAINING, _WORD.findall),
        *_of_cuts(catalogue, "NumImages"),
        *_of_cuts(catalogue, "SliceThickness"),
    )


def _of_words(
    catalogue: Iterable[Series], attribute: str, operator: Operator, words_of: Callable[[str], list[str]]
) -> Iterator[Compare]:
    """A rule for each word, those of most studies first."""
    studies: dict[str, set[str]] = defaultdict(set)
    for series in catalogue:
        for value in series.values(attribute):
            for word in words_of(value):
                studies[word].add(series.study_uid)
    often = sorted(studies, key=lambda word: (-len(studies[word]), word))
    for word in often[:_MOST_WORDS]:
        yield Compare(attribute, operator, word)


def _of_cuts(catalogue: Iterable[Series], attribute: str) -> Iterator[Compare]:
    """A rule for each place at which the numbers fall apart into smaller and larger ones."""
    read = (read_value(Kind.NUMBER, value) for series in catalogue for value in series.values(attribute)[:1])
    numbers = sorted({number for number in read if isinstance(number, Decimal)})
    pairs = list(pairwise(numbers))
    step = max(1, -(-len(pairs) // _MOST_CUTS))
    for low, high in pairs[step // 2 :: step]:
        yield Compare(attribute, Operator.GREATER, format(_round_number(low, high), "f"))


def _round_number(low: Decimal, high: Decimal) -> Decimal:
    """The roundest number n near the middle with low <= n < high, so that ``> n`` parts the two."""
    middle = (low + high) / 2
    for digits in range(1, 12):
        rounded = Decimal(f"{middle:.{digits - 1}e}")
        if low <= rounded < high:
            return rounded
    return low
