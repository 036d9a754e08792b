"""The query parameters of QIDO-RS (PS3.18 8.3.4, 10.6.1.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from ror.web.elements import keyword_of
from ror.web.errors import Refusal
from ror.web.matching import Key
from ror.web.query_values import value_fault

__all__ = ["MOST_RESULTS", "Query"]

MOST_RESULTS = 1000
_MOST_PARAMETERS = 100
_NOT_FUZZY = (
    '299 ror "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
)
# Of other parts of the request; multiple and empty values are matched as without these two.
_OF_OTHERS = frozenset({"accept", "charset", "emptyvaluematching", "multiplevaluematching"})


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: keys, attributes wanted besides (all that there are for `wants_all`), and which page.

    `is_cut` says that the limit is ours: the client has asked for more, or for all.
    """

    keys: tuple[Key, ...]
    wanted: frozenset[str]
    wants_all: bool
    limit: int
    offset: int
    is_cut: bool
    warnings: tuple[str, ...]

    @classmethod
    def read(cls, parameters: Iterable[tuple[str, str]]) -> Query:
        """Read it (`Refusal` where a parameter is none, or is not indexed)."""
        pairs = list(parameters)
        if len(pairs) > _MOST_PARAMETERS:
            raise _bad(f"more than {_MOST_PARAMETERS} parameters")
        keys, wanted, warnings = list[Key](), set[str](), list[str]()
        limit, offset = MOST_RESULTS + 1, 0
        for name, text in pairs:
            match name.lower():
                case "limit":
                    limit = _number(name, text)
                case "offset":
                    offset = _number(name, text)
                case "includefield":
                    wanted.update(part.strip() for part in text.split(","))
                case "fuzzymatching":
                    warnings += [_NOT_FUZZY] if text.lower() == "true" else []
                case other if other not in _OF_OTHERS:
                    keys += filter(None, [_key(_keyword(name), text)])
        fields = frozenset(_keyword(one) for one in wanted - {"all", ""})
        page, is_cut = min(limit, MOST_RESULTS), limit > MOST_RESULTS
        return cls(tuple(keys), fields, "all" in wanted, page, offset, is_cut, tuple(warnings))


def _key(keyword: str, text: str) -> Key | None:
    key = Key.of(keyword, text)
    for value in key.texts if key else ():
        if fault := value_fault(keyword, value):
            raise _bad(f"{keyword}: {fault}")
    return key


def _keyword(name: str) -> str:
    keyword = keyword_of(name)
    if keyword is None:
        raise _bad(
            f"{name[:64]!r} is no attribute that is indexed: use a keyword or eight hexadecimal digits"
        )
    return keyword


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _bad(f"{name} is no number")
    return int(text)


def _bad(what: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, what)
