"""One value of ``workflow.toml`` changed in its text: comments and order stay as the author wrote them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence

__all__ = ["CannotChange", "table_text", "with_value"]

_TEXT = r"""'[^'\n]*'|"(?:\\.|[^"\\\n])*\""""
_LIST = rf"""\[(?:[^\[\]"'#]|{_TEXT}|#[^\n]*\n)*\]"""
_VALUE = rf"""(?:'''.*?'''|\"{{3}}.*?\"{{3}}|{_TEXT}|{_LIST})"""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # but for tab and line feed
_TABLE = re.compile(r"^\s*\[", re.MULTILINE)


class CannotChange(ValueError):
    """The text is written in a way that is not understood here."""


def with_value(text: str, key: str, value: str | Sequence[str]) -> str:
    """The text with another value of a key that stands before all tables, where there is none yet added behind them.

    Raises
    ------
    CannotChange
        The text is no TOML, or what stands there is not plainly a text or a list of texts.
    """
    try:
        wanted = tomllib.loads(text) | {key: value if isinstance(value, str) else list(value)}
        line = f"{key} = {_written(value)}"
        assignment = re.compile(rf"^{re.escape(key)}[ \t]*=[ \t]*{_VALUE}", re.MULTILINE | re.DOTALL)
        for found in assignment.finditer(text):
            changed = text[: found.start()] + line + text[found.end() :]
            if _reads_as(changed, wanted):
                return changed
        table = _TABLE.search(text)
        at = table.start() if table else len(text)
        changed = f"{text[:at].rstrip()}\n{line}\n\n{text[at:].lstrip()}"
        if _reads_as(changed, wanted):
            return changed
    except tomllib.TOMLDecodeError as error:
        raise CannotChange(str(error)) from error
    raise CannotChange(f"it writes `{key}` in a way that is not understood")


def table_text(name: str, values: Mapping[str, object]) -> str:
    """A table of values as JSON has them, but for null, which TOML has not."""
    lines = [f"{_quoted(key)} = {_any_written(value)}\n" for key, value in values.items()]
    return f"[{name}]\n{''.join(lines)}"


def _reads_as(text: str, wanted: dict[str, object]) -> bool:
    """Whether nothing but the value has changed; other lines may look like the key, as those of a text do."""
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _written(value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        return "[" + ", ".join(_quoted(one) for one in value) + "]"
    # As it is where that can be: regular expressions are full of backslashes. A newline behind ''' is not of the text.
    if "\n" in value and "'''" not in value and not value.endswith("'") and not _CONTROL.search(value):
        return f"'''\n{value}'''"
    return _quoted(value)


def _any_written(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return (
                "{" + ", ".join(f"{_quoted(key)} = {_any_written(one)}" for key, one in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(_any_written, value)) + "]"
        case str():
            return _written(value)
        case _:
            return repr(value)  # numbers: Python's inf, nan and exponents are TOML's


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
