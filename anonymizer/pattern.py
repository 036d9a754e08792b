"""Pseudonyms by number: ``MOBA-{:04d}`` makes ``MOBA-0001``, ``MOBA-0002`` and so on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anonymizer.errors import ProfileError
from anonymizer.subject import Subject

__all__ = ["PseudonymPattern"]

_WORDS = r"[A-Za-z0-9 ._-]*"
_PATTERN = re.compile(rf"({_WORDS})\{{(?::(?:0([1-9]))?d)?\}}({_WORDS})")
_GREATEST = 2**31 - 1  # what an integer of a database holds


@dataclass(frozen=True, slots=True)
class PseudonymPattern:
    """A text with one place for a number; numbers too long for it are written in full.

    Attributes
    ----------
    before, after
        Text around the number.
    digits
        The number is filled up with zeros to so many digits.
    """

    before: str
    digits: int
    after: str

    @classmethod
    def of(cls, text: str) -> PseudonymPattern:
        """Read a pattern as Python writes one: ``{}`` and ``{:d}`` plain, ``{:04d}`` with zeros.

        Raises
        ------
        ProfileError
            It has no place for a number, more than one, or would make what is no `Subject`.
        """
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise ProfileError(
                "bad_pattern",
                "A pattern of pseudonyms has plain words and one place for a number",
                "Write one such as MOBA-{:04d}.",
            )
        pattern = cls(found[1], int(found[2] or 1), found[3])
        Subject(pattern.pseudonym(_GREATEST))
        return pattern

    def pseudonym(self, number: int) -> str:
        """The pseudonym of a number; two numbers never have the same."""
        return f"{self.before}{number:0{self.digits}d}{self.after}"
