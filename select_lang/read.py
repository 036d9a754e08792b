"""Text → checked statements: `parse` and `check` in one."""

from __future__ import annotations

from select_lang.check import check
from select_lang.errors import Fault, SelectError, SelectSyntaxError, fault_at
from select_lang.parse import parse
from select_lang.tree import Statement

__all__ = ["read", "read_all"]


def read(text: str) -> Statement:
    """Read the one statement of a text.

    Raises
    ------
    SelectSyntaxError
        The text does not follow the grammar, or has more than one statement.
    SelectError
        The statement makes no sense: all its faults.
    """
    first, *others = parse(text)
    if others:
        advice = "Keep one, or read them with read_all."
        message = f"only one select is allowed here, and this is the second of {len(others) + 1}"
        raise SelectSyntaxError(fault_at(others[0].at, text, message, advice))
    return check(first, text)


def read_all(text: str) -> tuple[Statement, ...]:
    """Read every statement of a text, one or more; raises as `read` does, with the faults of all of them."""
    statements: list[Statement] = []
    faults: list[Fault] = []
    for select in parse(text):
        try:
            statements.append(check(select, text))
        except SelectError as error:
            faults.extend(error.faults)
    if faults:
        raise SelectError(tuple(faults))
    return tuple(statements)
