"""JSON text → entries whose shape is right: every key is known and holds what it should. What it means comes later."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from select_lang.classification.errors import RuleFault

__all__ = ["Faults", "RawEntry", "RawRule", "Value", "read_entries"]

Value: TypeAlias = str | tuple[str, ...]

_ENTRY_KEYS = ("type", "id", "description", "rules")
_RULE_KEYS = ("tag", "value", "operator", "negate", "rule", "approxLevel", "description")
_EXAMPLE = '[{"type": "T1", "rules": [{"tag": "SeriesDescription", "value": "(?i)t1"}]}]'


@dataclass(frozen=True, slots=True)
class RawRule:
    """One rule: a question about `tag`, or about the entries called `refers`. Numbers are text, as JSON writes them."""

    path: str
    tag: tuple[str, ...]
    operator: str
    value: Value | None
    negated: bool
    refers: str
    within: str


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry: a series for which all rules hold is of this type, if it has one.

    `text` and `path` tell where it stands, as in `RuleFault`.
    """

    text: int
    path: str
    type: str
    id: str
    rules: tuple[RawRule, ...]


class Faults:
    """Collects what is wrong with one text."""

    def __init__(self, text: int = 0) -> None:
        self.text = text
        self.found: list[RuleFault] = []

    def add(self, path: str, message: str, advice: str | None = None) -> None:
        """Note a fault; the first of a place counts, as others may follow from it."""
        if not any(fault.path == path for fault in self.found):
            self.found.append(RuleFault(path, message, advice, self.text))


def read_entries(text: str, faults: Faults) -> list[RawEntry]:
    """Read the entries of one text; those that are wrong go to `faults` instead."""
    try:
        # Numbers stay as they were written: 0.1 is not a binary fraction here.
        held = json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        faults.add("", f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}")
        return []
    except RecursionError:
        faults.add("", "lists in lists without end")
        return []
    if not isinstance(held, list):
        faults.add("", f"a list of types is needed, not {_called(held)}", f"Write {_EXAMPLE}")
        return []
    entries = (_entry(one, f"[{number}]", faults) for number, one in enumerate(held))
    return [entry for entry in entries if entry]


def _entry(held: object, path: str, faults: Faults) -> RawEntry | None:
    if not isinstance(held, dict):
        faults.add(path, f"a type is needed, not {_called(held)}", f"Write {_EXAMPLE[1:-1]}")
        return None
    _known_keys(held, _ENTRY_KEYS, path, faults)
    kind, name = _text(held, "type", path, faults), _text(held, "id", path, faults)
    if kind != kind.strip() or set(kind) & set(",\\"):
        faults.add(f"{path}.type", "a name may not have a comma, a backslash, or spaces at its ends")
    if not kind and not name:
        faults.add(
            f"{path}.type", "a name is needed", "Only an entry that others refer to by its id may lack it."
        )
    _text(held, "description", path, faults)
    rules = held.get("rules")
    if not isinstance(rules, list) or not rules:
        faults.add(f"{path}.rules", "a list of at least one rule is needed")
        rules = []
    read = [_rule(rule, f"{path}.rules[{number}]", faults) for number, rule in enumerate(rules)]
    return RawEntry(faults.text, path, kind, name, tuple(rule for rule in read if rule))


def _rule(held: object, path: str, faults: Faults) -> RawRule | None:
    if not isinstance(held, dict):
        faults.add(path, f"a rule is needed, not {_called(held)}", 'Write {"tag": "Modality", "value": "MR"}')
        return None
    _known_keys(held, _RULE_KEYS, path, faults)
    refers = _text(held, "rule", path, faults)
    negate = _text(held, "negate", path, faults)
    if negate not in ("", "yes", "no"):
        faults.add(f"{path}.negate", f"{negate!r} is neither yes nor no")
    tag = () if refers else _tag(held.get("tag"), f"{path}.tag", faults)
    for key in ("tag", "value", "operator", "approxLevel"):
        if refers and held.get(key) not in (None, "", []):
            faults.add(f"{path}.{key}", "a rule that refers to another one asks nothing itself")
    value = held.get("value")
    return RawRule(
        path,
        tag,
        _text(held, "operator", path, faults).strip(),
        None if value in (None, "") or refers else _value(value, f"{path}.value", faults),
        negate == "yes",
        refers,
        _text(held, "approxLevel", path, faults),
    )


def _tag(held: object, path: str, faults: Faults) -> tuple[str, ...]:
    """One keyword, or group and element; empty when it is neither, which is then noted."""
    parts = _texts(held)
    if not 1 <= len(parts) <= 3:
        faults.add(path, "an attribute is needed", 'Write "Modality", ["Modality"] or ["0008", "0060"]')
        return ()
    return tuple(part.strip() for part in parts)


def _value(held: object, path: str, faults: Faults) -> Value | None:
    values = _texts(held)
    if not values:
        faults.add(path, "a text, a number, or a list of them is needed")
        return None
    return values if isinstance(held, list) else values[0]


def _texts(held: object) -> tuple[str, ...]:
    """A text, or a list of them; empty when it is neither, or one of them is empty."""
    parts = held if isinstance(held, list) else [held]
    texts = tuple(part for part in parts if isinstance(part, str) and part.strip())
    return texts if len(texts) == len(parts) else ()


def _text(held: dict[str, object], key: str, path: str, faults: Faults) -> str:
    value = held.get(key, "")
    if isinstance(value, str):
        return value
    faults.add(f"{path}.{key}", f"a text is needed, not {_called(value)}")
    return ""


def _known_keys(held: dict[str, object], keys: Collection[str], path: str, faults: Faults) -> None:
    for key in held:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"The keys are: {', '.join(keys)}."
            faults.add(f"{path}.{key}", "there is no such key", advice)


def _called(held: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text or number", bool: "true or false"}
    return names.get(type(held), "nothing")
