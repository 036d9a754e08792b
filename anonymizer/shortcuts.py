"""Values of which one look tells what becomes of them, so that the engine need not be asked.

Of what is new in an object most are times, numbers and UIDs. A shortcut is right where it answers, and says nothing
where it is not sure: the engine is asked then, and says what is wrong with a value if anything is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from anonymizer.actions import Action, Rule
from anonymizer.dates import checked_time, shifted
from anonymizer.engine import Engine
from anonymizer.residual import Residual
from anonymizer.table import vr_of
from anonymizer.values import is_decimal, is_number_text, number_size, same_family

__all__ = ["Shortcut", "Way"]

Shortcut: TypeAlias = Callable[[bytes], bytes | None]
"""From a value to what comes out for it in the same VR; None where it is not sure."""

_EVEN: Final = 2


@dataclass(frozen=True, slots=True)
class Way:
    """How an attribute is treated that comes in a VR.

    Attributes
    ----------
    shortcut
        None where the engine is to be asked.
    is_removed
        It goes, whatever it says.
    is_sequence
        It is a sequence that stays, if it comes as one.
    """

    rule: Rule
    shortcut: Shortcut | None
    is_removed: bool
    is_sequence: bool

    @classmethod
    def of(cls, tag: int, vr: str, rule: Rule, engine: Engine, residual: Residual | None) -> Way:
        """The way by the rule for an attribute."""
        return cls(
            rule,
            _shortcut(tag, vr, rule, engine, residual),
            is_removed=rule.action is Action.REMOVE,
            is_sequence=rule.action is Action.KEEP and vr_of(tag) in ("SQ", ""),
        )


def _shortcut(tag: int, vr: str, rule: Rule, engine: Engine, residual: Residual | None) -> Shortcut | None:
    known = vr_of(tag)
    match rule.action:
        case Action.KEEP if not same_family(vr, known or vr):
            return None
        case Action.KEEP if number_size(vr):
            return _as_it_is
        case Action.KEEP if is_decimal(vr):
            return _kept_decimal(residual)
        case Action.TIME if vr == known:
            return _time
        case Action.SHIFT if vr == known:
            return _moved(engine.person.shift_days)
        case Action.UID if vr == known == "UI":
            return _mapped(engine, residual)
        case _:
            return None


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


def _moved(days: int) -> Shortcut:
    def moved(value: bytes) -> bytes | None:
        return shifted(value, days)

    return moved


def _mapped(engine: Engine, residual: Residual | None) -> Shortcut:
    def mapped(value: bytes) -> bytes | None:
        new = engine.mapped(value)
        if residual is not None and residual.in_uids(new):
            return None
        return new + b"\0" * (len(new) % _EVEN)

    return mapped
