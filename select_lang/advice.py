"""What to say when a statement does not parse: what was expected, in words, and advice for the usual mistakes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Stumble", "advise", "in_words"]

_OTHER_WORDS = {
    "ATTRIBUTE": "an attribute name",
    "TAG": "",  # said already by "an attribute name"
    "NAME": "a name",
    "WORD": "a value",
    "STRING": "",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "AT": "@",
    "_SEMICOLON": "",
    "EQUAL": "=",
    "NOT_EQUAL": "!=",
    "LESS": "<",
    "LESS_OR_EQUAL": "<=",
    "GREATER": ">",
    "GREATER_OR_EQUAL": ">=",
    "STARTS": "starts with",
    "IMAGE": "",
    "IREGEXP": "iregexp",
    "AT_LEAST": "at least",
    "COUNT": "a number",
    "NUMBER": "a number",
    "_STUDIES": "study",
    "$END": "the end",
}


# What may follow the rules of a name is told as one, or nobody would read on.
_CHOICES = {"_CLOSEST", "EXACTLY", "AT_LEAST", "_PICK", "OPTIONAL", "SHARED"}


def in_words(terminals: Collection[str]) -> tuple[str, ...]:
    """The grammar's terminals as an author would write them, key words first."""
    words = {_word(name) for name in terminals} - {""}
    if set(terminals) >= _CHOICES:
        words = words - {_word(name) for name in _CHOICES} | {"pick …"}
    return tuple(sorted(words, key=lambda word: (not word[0].isalpha(), word)))


def _word(terminal: str) -> str:
    return _OTHER_WORDS.get(terminal, terminal.strip("_").lower())


@dataclass(frozen=True, slots=True)
class Stumble:
    """Where reading stopped: the text, the offset, what stood there ('' at the end), terminals that could have."""

    text: str
    offset: int
    found: str
    expected: frozenset[str]

    @property
    def before(self) -> str:
        """The text up to the stumble."""
        return self.text[: self.offset].rstrip()

    @property
    def rest(self) -> str:
        """The text from the stumble on."""
        return self.text[self.offset :]


@dataclass(frozen=True, slots=True)
class _Habit:
    """A mistake that is known by the text before the stumble, the text from it on, and what was expected."""

    before: str
    rest: str
    advice: str
    expected: str | None = None

    def fits(self, stumble: Stumble) -> bool:
        return (
            (
                self.expected is None
                or (self.expected in stumble.expected and "ATTRIBUTE" not in stumble.expected)
            )
            and re.search(rf"(?:{self.before})$", stumble.before[-200:], re.IGNORECASE) is not None
            and re.match(self.rest, stumble.rest[:200], re.IGNORECASE) is not None
        )


_HABITS = (
    _Habit("", "[“”„«»]", "Use straight quotes: \"…\"; these were made by a word processor."),
    _Habit("", "[‘’‚]", "Use straight quotes: '…'; these were made by a word processor."),
    _Habit("", "&", "Write `and`, not &."),
    _Habit("", r"!(?!=)", "Write `not`, not !."),
    _Habit("", "[\"'](?:[^\"']*)$", "The closing quote is missing."),
    _Habit("", r"/\*", "The comment is not closed: */ is missing."),
    _Habit("<", ">", "Write != for unequal."),
    _Habit("=", ">", "Write >= for greater or equal."),
    _Habit("=", "<", "Write <= for less or equal."),
    _Habit("", "≥", "Write >=."),
    _Habit("", "≤", "Write <=."),
    _Habit("", "≠", "Write !=."),
    _Habit(r"[0-9]", r",\s*[0-9]", "Write a decimal point: 1.5."),
    _Habit(r"\bbetween\s+\S+", r"to\b|-", "Write between 1 and 2."),
    _Habit(r"\bregexp\s+[^\s\"']+|(?:=~)\s*[^\s\"']+", r"[|()]", "Put the regular expression into quotes."),
    _Habit(r"\b(?:regexp|iregexp)|=~", r"\(", "Put the regular expression into quotes."),
    _Habit("", r"limit\b", "There is no limit: write from first 10 studies, or pick one of the series of a name."),
    _Habit("", r"order\s+by\b", "Jobs come in an order of their own; pick first by … takes one of several series."),
    _Habit(r"\bfrom", r"newest\b", "Write from latest study."),
    _Habit(r"\bfrom", r"oldest\b", "Write from earliest study."),
    _Habit("", r"[\"'][A-Za-z]+[\"']\s*[=!<>a-z]", "Attributes stand without quotes: Modality = MR."),
    _Habit(r"\bselect", r"\*", "Say what one job is, not columns: select series, study, patient or project."),
    _Habit(r"\bselect\s+\w+", ",", "One statement selects one level: series, study, patient or project."),
    _Habit(r"\bhas\s+named", "", "The name comes before has: where series named X has …"),
    _Habit(r"\bnamed\s+has", "", "The name is missing: where series named X has …"),
    _Habit(r"\b(?:where|has|and|or|not)", "$", "A rule is missing at the end, such as Modality = CT."),
    _Habit("", "[^\"'=]", "Write `has` before the rules: where series named X has …", expected="_HAS"),
    _Habit("", "(?:not\\s+)?like\\b", "There is no like: use containing \"…\", starts with \"…\" or regexp \"…\"."),
    _Habit("", r"is\s+not\s+null", "Write `exists`."),
    _Habit("", r"is\s+null", "Write `missing`."),
    _Habit("", r"is\b", "Write =."),
    _Habit("", r"not\s+(?:in|between|contain|regexp|starts|exists|missing)", "not stands before the whole rule."),
    _Habit("", r"\)", "There is one closing bracket too many.", expected="_ALSO"),
    _Habit(r"\bin", r"[^\s(]", "Put the values into brackets: in (CT, MR)", expected="LPAR"),
    _Habit(r"\band\s+also", "where", "Write `also where`, without and."),
    _Habit(r"\band", r"also\b|where\b|$", "A rule is missing after and."),
    _Habit("", r"where\b", "Write `also where` for the next series.", expected="_ALSO"),
    _Habit("", r"matches\b|~", "Write regexp."),
    _Habit("", r"at\s+most\b", "Write exactly N or at least N."),
    _Habit(r"\bwithin\s+[\d.]+\s*\w*", r"[\w\"']+\s*@",
           "Write `of` before the name: A@StudyDate within 3 days of B@StudyDate"),
    _Habit(r"\bpick", "", "Say which: pick newest, oldest, largest, smallest or first, and by which attribute."),
    _Habit("", r"\|", "Write `or`, not |."),
    _Habit("", "$", "A closing bracket is missing.", expected="RPAR"),
    _Habit(r"\bselect", "$", "A whole statement: select study where series named X has Modality = CT"),
)  # fmt: skip


def advise(stumble: Stumble) -> str | None:
    """Advice for the mistake that was probably made, if it is a usual one."""
    for habit in _HABITS:
        if habit.fits(stumble):
            return habit.advice
    words = [word for name in stumble.expected if (word := _word(name)).isalpha()]
    near = difflib.get_close_matches(stumble.found.lower(), words, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    if "_AND" in stumble.expected and "_ALSO" in stumble.expected and stumble.found[:1].isalnum():
        return "A value with spaces needs quotes; another rule needs `and` or `or` before it."
    if "SERIES" in stumble.expected and "_NAMED" not in stumble.expected:
        return "Say what one job is: select series, study, patient or project."
    if "_WHERE" in stumble.expected:
        return "Say which series: where Modality = CT, or where everything."
    if not stumble.before:
        return "A statement begins with select: select study where series named X has Modality = CT"
    return None
