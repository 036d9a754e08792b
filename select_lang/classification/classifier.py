"""Entries, in order, and the types that they give to a series."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from select_lang.catalogue import Series
from select_lang.classification.compiling import TYPES
from select_lang.classification.entries import Entry, Reason, compile_entry, digest_of, merge, order_of
from select_lang.classification.errors import RuleFault, RulesError
from select_lang.classification.reading import Faults, RawEntry, read_entries
from select_lang.logic import Truth, any_true

__all__ = ["Classifier", "shipped_rules"]


@cache
def shipped_rules() -> str:
    """The JSON text of the rules that come with this package."""
    return files("select_lang.classification").joinpath("rules.json").read_text(encoding="utf-8")


@cache
def _shipped() -> Classifier:
    return Classifier.read(shipped_rules())


class Classifier:
    """Rules that were read and checked; asked series by series.

    Attributes
    ----------
    digest
        SHA-256 of what the rules say: equal as long as they give the same types. Descriptions and spaces do not count.
    warnings
        Rules that can be used, but are never known, because they ask for what no archive holds.
    """

    __slots__ = ("_entries", "_order", "digest", "warnings")

    def __init__(
        self, entries: Sequence[Entry], order: Sequence[int], digest: str, warnings: Sequence[RuleFault]
    ) -> None:
        self._entries, self._order = tuple(entries), tuple(order)
        self.digest, self.warnings = digest, tuple(warnings)

    @classmethod
    def shipped(cls, *own: str) -> Classifier:
        """The shipped rules, followed by a project's own; read once where there are no own ones."""
        return cls.read(shipped_rules(), *own) if own else _shipped()

    @classmethod
    def read(cls, *texts: str) -> Classifier:
        """Read rules, and nothing but these.

        Parameters
        ----------
        texts
            JSON, each a list of types. An entry replaces, where they stood, those of an earlier text with the same id;
            others come after them. Within one text, entries with the same id are alternatives.

        Raises
        ------
        RulesError
            With all faults, each with its path.
        """
        entries: list[RawEntry] = []
        faults, warnings = dict[int, Faults](), dict[int, Faults]()
        for number, text in enumerate(texts, 1):
            at = number if len(texts) > 1 else 0
            faults[at], warnings[at] = Faults(at), Faults(at)
            entries = merge(entries, read_entries(text, faults[at]))
        compiled = [compile_entry(one, entries, faults[one.text], warnings[one.text]) for one in entries]
        order = order_of(entries, compiled, faults)
        if found := [fault for noted in faults.values() for fault in noted.found]:
            raise RulesError(found)
        return cls(
            compiled, order, digest_of(entries), [one for noted in warnings.values() for one in noted.found]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every type that a series may get, in the order of the rules."""
        return tuple(dict.fromkeys(entry.reason.type for entry in self._entries if entry.reason.type))

    def types(self, series: Series) -> tuple[str, ...]:
        """The types of a series, each once, in the order of the rules."""
        return self._given(self._truths(series), len(self._entries))

    def reasons(self, series: Series) -> tuple[Reason, ...]:
        """Every entry that holds for a series, also those without a type, in the order of the rules."""
        pairs = zip(self._entries, self._truths(series), strict=True)
        return tuple(entry.reason for entry, truth in pairs if truth)

    def _truths(self, series: Series) -> list[Truth]:
        truths: list[Truth] = [None] * len(self._entries)
        values: dict[str, tuple[str, ...]] = {}
        for number in self._order:
            truths[number] = self._truth(number, truths, values, series)
        return truths

    def _truth(
        self, number: int, truths: list[Truth], values: dict[str, tuple[str, ...]], series: Series
    ) -> Truth:
        """Truth of one entry: all its clauses, as `and` joins them; those it depends on were asked before."""
        result: Truth = True
        for clause in self._entries[number].clauses:
            if clause.question is None:
                known = any_true(truths[entry] for entry in clause.entries)
            elif clause.question.attribute == TYPES:
                known = clause.question.truth(self._given(truths, number))
            else:
                keyword = clause.question.attribute
                if keyword not in values:
                    values[keyword] = series.values(keyword)
                known = clause.question.truth(values[keyword])
            if known is clause.negated:
                return False
            if known is None:
                result = None
        return result

    def _given(self, truths: list[Truth], before: int) -> tuple[str, ...]:
        """The types of the entries that stand before one."""
        pairs = zip(self._entries[:before], truths[:before], strict=True)
        given = (entry.reason.type for entry, truth in pairs if truth)
        return tuple(dict.fromkeys(filter(None, given)))
