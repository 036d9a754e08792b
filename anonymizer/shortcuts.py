"""Values of which one look tells what becomes of them, so that the engine need not be asked.

Of what is new in an object most are times, numbers and UIDs. A shortcut is right where it answers, and says nothing
where it is not sure: the engine is asked then, and says what is wrong with a value if anything is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from anonymizer.actions import Action, Rule
from anonymizer.dates import checked_time, shifter
from anonymizer.engine import Engine, Tally
from anonymizer.plan import Plan
from anonymizer.residual import Residual
from anonymizer.table import vr_of
from anonymizer.values import is_decimal, is_number_text, number_size, same_family

__all__ = ["TALLIES", "Shortcut", "Way", "Ways", "shortcuts", "ways_of"]

Shortcut: TypeAlias = Callable[[bytes], bytes | None]
"""From a value to what comes out for it in the same VR; None where it is not sure."""

_NUMBER, _DECIMAL, _TIME, _DATE, _UID = "number", "decimal", "time", "date", "uid"
_MOST_WAYS: Final = 16384
_EVEN: Final = 2
TALLIES: Final = {action: Tally(Counter({action: 1})) for action in Action}


@dataclass(frozen=True, slots=True)
class Way:
    """How a plan treats an attribute that comes in a VR.

    Attributes
    ----------
    shortcut
        The name of one of `shortcuts`, empty where the engine is to be asked.
    done
        What is told of it where nothing more is than the action.
    is_removed
        It goes, whatever it says.
    is_sequence
        It is a sequence that stays, if it comes as one.
    """

    rule: Rule
    shortcut: str
    done: Tally
    is_removed: bool
    is_sequence: bool


class Ways(dict[tuple[int, int, str], Way]):
    """The ways of one plan, by sequence (0 at the top), tag and VR; what is asked for first is found out."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __missing__(self, key: tuple[int, int, str]) -> Way:
        """Find it out; tags come from outside, so only so many are remembered."""
        if len(self) >= _MOST_WAYS:
            self.clear()
        parent, tag, vr = key
        rule = self._plan.rule(tag, parent)
        way = self[key] = Way(
            rule,
            _shortcut(tag, vr, rule),
            TALLIES[rule.action],
            is_removed=rule.action is Action.REMOVE,
            is_sequence=rule.action is Action.KEEP and vr_of(tag) in ("SQ", ""),
        )
        return way


@lru_cache(maxsize=256)
def ways_of(plan: Plan) -> Ways:
    """The ways of a plan, which are the same whoever's objects it treats."""
    return Ways(plan)


def shortcuts(engine: Engine, residual: Residual | None) -> Mapping[str, Shortcut]:
    """The shortcuts of one case, by name; `residual` is what each value must not have."""
    return {
        _NUMBER: _as_it_is,
        _DECIMAL: _kept_decimal(residual),
        _TIME: _time,
        _DATE: shifter(engine.person.shift_days),
        _UID: _mapped(engine, residual),
    }


def _shortcut(tag: int, vr: str, rule: Rule) -> str:
    known = vr_of(tag)
    match rule.action:
        case Action.KEEP if not same_family(vr, known or vr):
            return ""
        case Action.KEEP if number_size(vr):
            return _NUMBER
        case Action.KEEP if is_decimal(vr):
            return _DECIMAL
        case Action.TIME if vr == known:
            return _TIME
        case Action.SHIFT if vr == known:
            return _DATE
        case Action.UID if vr == known == "UI":
            return _UID
        case _:
            return ""


def _as_it_is(value: bytes) -> bytes:
    """Of binary numbers, in which nothing else can stand."""
    return value


def _kept_decimal(residual: Residual | None) -> Shortcut:
    def kept(value: bytes) -> bytes | None:
        is_fine = is_number_text(value) and not (residual is not None and residual.in_numbers(value))
        return value if is_fine else None

    return kept


def _time(value: bytes) -> bytes | None:
    return checked_time(value) if len(value) % _EVEN == 0 else None


def _mapped(engine: Engine, residual: Residual | None) -> Shortcut:
    def mapped(value: bytes) -> bytes | None:
        new = engine.mapped(value)
        if residual is not None and residual.in_uids(new):
            return None
        return new + b"\0" * (len(new) % _EVEN)

    return mapped
