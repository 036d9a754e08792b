"""Clean Descriptors (PS3.15 E.3.5) for the few texts worth it: drop what identifies, keep what describes.

A word goes if it is, or contains, something that this very object says about a person, a place or a number;
whatever looks like a date, a telephone number, an address, a UID or a long number goes too, and the name after a title.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from anonymizer.identity import Identity
from anonymizer.text import FIRST_CJK, spellings
from anonymizer.vocabulary import IMAGING_TERMS

__all__ = ["Cleaner"]

_MONTH = r"(?:jan|feb|mar|m[äa]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[czs])[^\W\d_]{0,12}"
# Every pattern begins where a run of letters or digits does, or is bounded: texts come from outside, and a search that
# begins anew at each letter of a megabyte has no end.
# Names that the object does not give as such are known by what stands before or behind them.
# DR in capitals is a modality, and DR Chest a radiograph.
_TITLE = (
    r"(?:dr(?=\.)|(?-i:Dr|dr)|prof|professor|doctor|doktor|mrs|mme|mlle|herr|frau|fru|[fh]r(?=\.))"
    r"(?:[._ ]+(?:med|dent|vet|nat|rer|phil|habil)(?![^\W_]))*"
)
_LABEL = r"(?:patient|pt|name|navn|operator|physician|radiologist|lege|ref(?:erred)?\.? by)"
_NUMBERED = r"(?:mrn|pid|ssn|cpr|nhs|fnr|acc(?:ession)?(?:[ -]?n[or])?|pat(?:ient)?[ -]?id)"
_WHOLE_MONTH = (
    r"(?:januar|january|janvier|februar|february|f[ée]vrier|m[äa]rz|march|mars|april|avril|mai|june|juni|juin|july|juli|juillet"
    r"|august|ao[ûu]t|septemb(?:er|re)|o[ck]tob(?:er|re)|novemb(?:er|re)|de[sz]ember|december|d[ée]cembre)"
)
_NO_TERM = rf"(?!(?:{'|'.join(sorted(IMAGING_TERMS))})(?![^\W_]))"
_STREET = r"[^\W\d_]{2,30}(?:str\.|gat[ae]n?|vei(?:en)?|veg(?:en)?|vägen|stra(?:ß|ss)e|allé(?:en)?|gade|straat|laan)"
_ROAD = r"(?:street|road|avenue|lane|drive|boulevard)"
_YEARS = r"(?:years?|yrs?|yo|år|jahre?|ans|años|anni)"
_PATTERNS = re.compile(
    "|".join(
        (
            r"(?<!\S)\S+@\S+",  # mail
            r"(?<!\S)\S{1,60} ?[(\[]at[)\]] ?\S{1,60}",  # foo (at) klinik.de
            r"(?<![\d.])\d{2,3}(?:\.\d{1,3}){3}(?![.\d])",  # 192.168.10.12
            r"\d+(?:\.\d+){4,}",  # UID
            r"(?<!\d)\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}(?!\d)",  # 2013-03-08
            r"(?<!\d)\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d{2}(?!\d)",  # 8.3.2013
            r"(?<!\d)\d{1,2}[-./]\d{1,2}[-./]\d{2}(?!\d)",  # 8/3/13
            rf"(?<!\d)\d{{1,2}}[-. ]*{_MONTH}[-., ]*\d{{2,4}}(?!\d)",  # 8 March 2013
            rf"{_MONTH}[-. ]*\d{{1,2}}[-,. ]+\d{{4}}(?!\d)",  # March 8, 2013
            rf"(?<!\d)\d{{1,2}}\.? ?{_WHOLE_MONTH}(?![^\W_])",  # 17 avril
            r"(?<!\d)\d{2,5}/\d{3,4}[- ]\d{2,6}(?!\d)",  # 030/1234-567
            r"(?<!\d)0\d{1,4}[-/ ]\d{4,8}(?!\d)",  # 0171 2345678
            r"(?<!\d)\d{3}[- ]\d{2,3}[- ]\d{4}(?!\d)",  # 123-45-6789, 943 476 5919
            rf"(?<![^\W_]){_NUMBERED}[ .:#-]*[a-z]{{0,3}}-?\d[\d -]{{1,20}}\d",  # MRN 4412
            r"(?:\+|(?<!\d)00)\d[\d ()/.-]{5,}\d",  # +47 55 97 50 00
            r"\(\d{2,5}\)[ -]?\d[\d -]{3,}\d",  # (555) 0123 456
            r"(?<!\d)\d{2} \d{2} \d{2} \d{2}(?!\d)",  # 55 97 50 00
            r"(?<!\d)(?:\d{3}[-.])?\d{3}[-.]\d{4}(?!\d)",  # 555-0123
            rf"(?<![^\W_]){_TITLE}[._ ]+{_NO_TERM}(?:[^\W\d_]\.? +)?[^\W\d_]+",  # Dr. A. Hansen
            rf"(?<![^\W_]){_LABEL} *: *[^\W\d_]+(?: [^\W\d_]+)?",
            rf"(?<![^\W_])ref(?:erred)?\.? by +{_NO_TERM}[^\W\d_]+",
            rf"{_STREET} +\d+ ?[a-h]?(?![^\W_])",  # Storgata 12 B
            rf"(?<!\d)\d{{1,5}}[a-h]? +[^\W\d_]{{1,30}} +{_ROAD}(?![^\W_])",  # 12 Main Street
            r", *(?:[a-z]{1,2}-)?\d{4,5} +(?-i:[A-ZÆØÅÄÖÜ][^\W\d_]{3,})",  # , 5021 Bergen
            rf"(?<!\d)(?:9\d|1[0-2]\d)[ -]?{_YEARS}(?![^\W_])",  # 93 years
            r"(?<!\d)(?:0(?:9\d|1[0-2]\d)|9[1-9]|1[0-2]\d|90(?= )) ?[yj](?![^\W_])",  # 093Y; 90Y is yttrium
            # Any long number, with what is glued to it.
            r"(?<![^\W_])[^\W_]*?\d{6,}[^\W_]*(?:-\d{1,6}(?!\d))?|\d{6,}[^\W_]*",
        )
    ),
    re.IGNORECASE,
)
_APART = re.compile(r"(?<!\d)\d+(?:[-./ ]\d+)+")
_FIGURES = re.compile(r"\d+")
_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"\d+|[^\W\d_]+")
_EDGES = " \t\r\n_-,;:/^=+&|.()[]"
_LONG_NAME = 5


@dataclass(frozen=True, slots=True, repr=False)
class Cleaner:
    """Cleans text of one identity; made once per object.

    Attributes
    ----------
    exact
        Folded words, and beginnings of names, that are dropped where a word, or the letters or digits of one, equal
        them.
    inside
        Longer names, and names in scripts without spaces, that are dropped with the word that contains them.
    """

    exact: frozenset[str]
    inside: tuple[str, ...]

    @classmethod
    def of(cls, identity: Identity) -> Cleaner:
        """The cleaner for an identity."""
        names = identity.patient | identity.people
        inside = sorted(n for n in names | identity.secrets if len(n) >= _LONG_NAME or max(n) >= FIRST_CJK)
        # Short string values are cut off after sixteen characters, in the middle of a name.
        begun = {name[:end] for name in names for end in range(_LONG_NAME, len(name))} - IMAGING_TERMS
        return cls(frozenset(names | begun | identity.places | identity.numbers), tuple(inside))

    def clean(self, text: str) -> str:
        """`text` without identity; the same object where there was none."""
        composed = unicodedata.normalize("NFC", text)
        kept = _WORD.sub(self._replacement, _APART.sub(self._together, _PATTERNS.sub(" ", composed)))
        if kept == composed:
            return text
        return re.sub(r"\s+", " ", kept).strip(_EDGES)

    def _together(self, match: re.Match[str]) -> str:
        """A number of the object's own that is written in groups: ``123-45-67``."""
        figures = "".join(_FIGURES.findall(match.group())).lstrip("0")
        return " " if figures in self.exact else match.group()

    def _replacement(self, match: re.Match[str]) -> str:
        word = match.group()
        return " " if any(self._identifies(spelling) for spelling in spellings(word)) else word

    def _identifies(self, word: str) -> bool:
        if word in self.exact or any(name in word for name in self.inside):
            return True
        return any(part in self.exact for part in _PART.findall(word) if len(part) >= 2)
