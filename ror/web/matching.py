"""Attribute matching (PS3.4 C.2.2.2, PS3.18 8.3.4.1): by value, list, wildcard and range."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from ror.web.elements import vr_of

__all__ = ["NUMBERS", "Key"]

_RANGES = frozenset({"DA", "TM", "DT"})
NUMBERS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"})
_LISTS = frozenset({"UI", "CS"})
_LIST = re.compile(r"[,\\]")


@dataclass(frozen=True, slots=True)
class Key:
    """One matching attribute of a query; `texts` are the alternatives, one where no list is possible."""

    keyword: str
    texts: tuple[str, ...]

    @classmethod
    def of(cls, keyword: str, text: str) -> Key | None:
        """The key of a query parameter; None where it matches everything (universal matching)."""
        parts = _LIST.split(text) if vr_of(keyword) in _LISTS else [text]
        texts = tuple(part.strip() for part in parts)
        return None if any(text in ("", "*") for text in texts) else cls(keyword, texts)

    @property
    def is_exact(self) -> bool:
        """Whether all alternatives are plain values."""
        return not any(set("*?") & set(text) for text in self.texts)

    def tester(self) -> Callable[[Sequence[object]], bool]:
        """Whether any value of an attribute matches; made once, used for every candidate."""
        tests = [_test(vr_of(self.keyword), text) for text in self.texts]
        return partial(_any_matches, tests)


def _any_matches(tests: Sequence[Callable[[str], bool]], values: Iterable[object]) -> bool:
    texts = [str(value).strip() for value in values]
    return any(test(text) for test in tests for text in texts)


def _test(vr: str, text: str) -> Callable[[str], bool]:
    if vr in _RANGES and "-" in text:
        first, _, last = text.partition("-")
        return partial(_in_range, first.strip(), last.strip())
    if vr in NUMBERS:
        return partial(_same_number, text)
    if vr != "UI" and set("*?") & set(text):
        # Each star eats what it can once: stars in a row are one, so that no text makes it slow.
        pattern = re.sub(r"\*+", "*", text)
        return partial(_wildcard, tuple(pattern.casefold() if vr == "PN" else pattern), fold=vr == "PN")
    if vr == "PN":
        return partial(_same_name, text.casefold().rstrip("^"))
    return text.__eq__


def _in_range(first: str, last: str, value: str) -> bool:
    # 2026 as an end includes the whole year: what is longer than the bound is compared up to its length.
    return bool(value) and first <= value and (not last or value[: len(last)] <= last)


def _same_number(text: str, value: str) -> bool:
    try:
        return float(text) == float(value)
    except ValueError:
        return text == value


def _same_name(text: str, value: str) -> bool:
    return value.casefold().rstrip("^") == text


def _wildcard(pattern: Sequence[str], value: str, *, fold: bool) -> bool:
    """``*`` stands for any characters, ``?`` for one: in time of the product of the lengths at most."""
    text = value.casefold() if fold else value
    at, star, resume = 0, -1, 0
    position = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[position]):
            at += 1
            position += 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(one == "*" for one in pattern[at:])
