"""Conditions on the attributes of one object, in the words of the select language: ``Modality = CT and Rows > 64``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import select_lang
from ror.errors import ConfigurationError

__all__ = ["Attributes", "Condition"]

Attributes = Mapping[str, tuple[str, ...]]
"""Values of an object by keyword, as DICOM writes them; what is absent, or cannot be read, has no entry."""

_HEAD = "select series where\n"
_WRITTEN = "where series has "
_OF_THE_ARCHIVE = frozenset({"ClassifyTypes", "NumImages", "Path"})
_ADVICE = "write a rule of the select language without `select`, such as: Modality = CT and BodyPartExamined = CHEST"


@dataclass(frozen=True, slots=True)
class Condition:
    """The rules of a `where`, over one object; `text` is canonical, so that equal conditions have equal texts."""

    text: str
    statement: select_lang.Statement

    @classmethod
    def read(cls, text: str) -> Condition:
        """Read a condition.

        Raises
        ------
        ConfigurationError
            It is none: all faults, with line and column.
        """
        try:
            statement = select_lang.read(_HEAD + text)
        except select_lang.SelectError as error:
            # The head has a line of its own, which nobody has written.
            faults = tuple(str(replace(fault, line=fault.line - 1)) for fault in error.faults)
            raise ConfigurationError("the condition is wrong:", faults, _ADVICE) from error
        where, *more = statement.select.wheres
        if more or where.name is not None or where.choice != type(where.choice)():
            raise ConfigurationError("the condition is more than rules about one object", advice=_ADVICE)
        condition = cls(select_lang.write(statement).partition(_WRITTEN)[2], statement)
        unknown = sorted(_OF_THE_ARCHIVE & condition.attributes)
        if unknown:
            raise ConfigurationError(
                f"{', '.join(unknown)}: what no object says, but a whole series in the archive",
                advice=_ADVICE,
            )
        return condition

    @property
    def attributes(self) -> frozenset[str]:
        """The keywords of the attributes that it looks at."""
        return frozenset(name for rule in self._rules({}) for name, _values in rule.seen)

    def misfits(self, attributes: Attributes) -> tuple[str, ...]:
        """Why it does not hold, a text for each of the rules between its outermost `and`s; () if it holds.

        No text has a value of the object.
        """
        return tuple(
            f"{rule.rule}: {rule.outcome}"
            for rule in self._rules(attributes)
            if rule.outcome is not select_lang.Outcome.HELD
        )

    def _rules(self, attributes: Attributes) -> tuple[select_lang.RuleReason, ...]:
        told = select_lang.explain(self.statement, [select_lang.Series("", "", "", attributes)])
        return told.groups[0].names[0].series[0].rules
