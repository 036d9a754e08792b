"""A measured value as a field of REDCap takes it."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from ror.results.redcap.described import RedcapField

__all__ = ["is_outside", "takes_numbers", "written"]

# More than any float has, so that nothing is rounded but on purpose, and no text takes a page.
_MOST_DIGITS = 400
_EXACT = Context(prec=2 * _MOST_DIGITS + 4, rounding=ROUND_HALF_EVEN)
_NOT_IMPORTED = {
    "calc": "is calculated by REDCap itself",
    "descriptive": "is a text without data",
    "file": "takes files, not values",
}
_NUMBER = re.compile(r"integer|number(?:_(?P<places>[1-4])dp)?(?P<comma>_comma_decimal)?")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2})?)?")


def written(value: float | str, field: RedcapField) -> str:
    """Write a value for a field: decimal, without exponent, 1 and 0 for yes and no.

    A field of ``number_1dp`` … ``number_4dp`` gets so many decimals, rounded half to even: REDCap takes no others.

    Raises
    ------
    ValueError
        The field does not take it. The value is not told: an error is logged, and a measurement belongs to the
        record alone.
    """
    if field.kind in _NOT_IMPORTED:
        raise ValueError(_NOT_IMPORTED[field.kind])
    text = _plain(value)
    if text == "":
        return text  # leaves what is there
    if not (isinstance(value, str) or field.choices) and (
        fault := takes_numbers(field, may_be_whole=isinstance(value, int) or value.is_integer())
    ):
        raise ValueError(fault)
    if field.kind in ("text", "notes", "slider"):
        return _validated(text, field)
    if field.choices and text not in field.choices:
        raise ValueError(f"takes only its choices, and the value is none of {', '.join(field.choices)}")
    return text


def is_outside(text: str, field: RedcapField) -> bool:
    """Whether a number lies outside of the range that the dictionary suggests."""
    number, least, most = map(_decimal, (text, field.minimum, field.maximum))
    if number is None:
        return False
    return (least is not None and number < least) or (most is not None and number > most)


def takes_numbers(field: RedcapField, *, may_be_whole: bool = False) -> str:
    """What keeps the field from taking measured numbers, or nothing; integers and choices do for what is counted.

    A number that is none of the choices is refused when it comes (`written`).
    """
    if field.kind in _NOT_IMPORTED:
        return _NOT_IMPORTED[field.kind]
    if field.choices:
        is_counted = may_be_whole and any(_WHOLE.fullmatch(choice) for choice in field.choices)
        return "" if is_counted else f"takes only its choices: {', '.join(field.choices)}"
    if field.kind not in ("text", "notes", "slider", "sql"):  # of the last REDCap alone knows the choices
        return f"is of the type {field.kind}, and takes no measured number"
    if _validation(field) == "integer":
        return "" if may_be_whole else "takes integers only"
    if field.validation and not _NUMBER.fullmatch(field.validation):
        return f"has the validation {field.validation}, and takes no number"
    return ""


def _validation(field: RedcapField) -> str:
    return "integer" if field.kind == "slider" else field.validation


def _plain(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(int(value))
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def _validated(text: str, field: RedcapField) -> str:
    validation = _validation(field)
    if kind := _NUMBER.fullmatch(validation):
        number = _decimal(text)
        if number is None:
            raise ValueError(f"takes numbers only (validation {validation})")
        return _number(number, validation, kind)
    if validation.startswith("date") and not _DAY.fullmatch(text):
        raise ValueError(f"takes dates as YYYY-MM-DD only (validation {validation})")
    return text


def _number(number: Decimal, validation: str, kind: re.Match[str]) -> str:
    if validation == "integer":
        if number != number.to_integral_value(context=_EXACT):
            raise ValueError("takes integers only; set its validation to number")
        return format(number.to_integral_value(context=_EXACT), "f")
    if kind["places"]:
        number = number.quantize(Decimal(1).scaleb(-int(kind["places"])), context=_EXACT)
    text = format(number, "f")
    return text.replace(".", ",") if kind["comma"] else text


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS else None
