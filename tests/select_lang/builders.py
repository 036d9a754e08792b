"""Catalogues and statements for tests."""

from collections.abc import Iterable

from select_lang import Match, Series, evaluate, read


def series(uid: str, study: str = "1", patient: str = "P1", **attributes: str) -> Series:
    """A series; several values are parted by a backslash, as DICOM writes them."""
    return Series(uid, study, patient, {name: tuple(text.split("\\")) for name, text in attributes.items()})


def jobs(text: str, *catalogue: Series) -> dict[str, dict[str, list[str]]]:
    """Key of each job → name → series, as a statement makes them of a catalogue."""
    return by_name(evaluate(read(text), catalogue))


def by_name(matches: Iterable[Match]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for match in matches:
        names = found.setdefault(match.key, {})
        for one in match.series:
            names.setdefault(one.name, []).append(one.series_uid)
    return found
