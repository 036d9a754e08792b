"""What can be wrong with classification rules.

::

    RulesError    the rules cannot be used; `faults` lists everything that is wrong with them, so that the author can
                  mend it in one go
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["RuleFault", "RulesError"]


@dataclass(frozen=True, slots=True)
class RuleFault:
    """One thing that is wrong, and where.

    `path` leads to it inside the JSON (``[3].rules[1].operator``); `text` is the number of the text from 1, or 0 when
    there is only one.
    """

    path: str
    message: str
    advice: str | None = None
    text: int = 0

    def __str__(self) -> str:
        """Say where it is, what is wrong, and what to do."""
        where = ": ".join(filter(None, [f"rules {self.text}" if self.text else "", self.path]))
        told = f"{where}: {self.message}" if where else self.message
        return f"{told}\n  {self.advice}" if self.advice else told


class RulesError(Exception):
    """The rules cannot be used: every fault, in the order of the texts."""

    def __init__(self, faults: Iterable[RuleFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))
