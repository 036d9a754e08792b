"""A profile made of another one and of what is different in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import tag_for_keyword

from anonymizer.errors import ProfileError, ProfileFault
from anonymizer.lines import Line, PrivateLine
from anonymizer.options import Option
from anonymizer.profile import Profile
from anonymizer.table import keyword

__all__ = ["Changes", "extended", "faults_anyway"]

_DATES: Final = frozenset({Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES})
# Between them every option is on and off.
_ANY: Final = (
    Profile(frozenset(), frozenset()),
    *(Profile(frozenset(Option) - {one}, frozenset()) for one in sorted(_DATES)),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a profile says that extends another one.

    Attributes
    ----------
    options, without
        Options that it switches on and off.
    weekdays, find_text
        None where it says nothing about them.
    pixel_rules
        Rules that come before the other's.
    """

    options: frozenset[Option] = frozenset()
    without: frozenset[Option] = frozenset()
    cleaned: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    weekdays: bool | None = None
    find_text: bool | None = None
    pixel_rules: str = ""
    lines: frozenset[Line] = frozenset()
    private: frozenset[PrivateLine] = frozenset()


def extended(parent: Profile, changes: Changes) -> Profile:
    """The profile that says what `parent` says, unless `changes` says something else of the same attribute.

    The two options of dates exclude each other, so the one of `changes` takes the place of the other.

    Raises
    ------
    ProfileError
        With everything that is wrong in the result.
    """
    faults = list(_faults(parent, changes))
    dates = _DATES if changes.options & _DATES else frozenset()
    options = (parent.options - changes.without - dates) | changes.options
    words = changes.cleaned | changes.keep | changes.remove
    tags = {line.tag for line in changes.lines}
    gone = words | {keyword(tag) for tag in tags}
    tags |= {tag for tag in map(tag_for_keyword, words) if tag is not None}
    private = {line.where for line in changes.private}
    in_pixels = Option.CLEAN_PIXEL_DATA not in changes.without
    rules = (changes.pixel_rules, parent.pixel_rules if in_pixels else "")
    find_text = changes.find_text
    if find_text is None:
        find_text = parent.find_text and in_pixels
    try:
        made = Profile(
            options,
            (parent.cleaned - gone) | changes.cleaned,
            (parent.keep - gone) | changes.keep,
            (parent.remove - gone) | changes.remove,
            "\n".join(filter(None, rules)),
            find_text,
            parent.weekdays if changes.weekdays is None else changes.weekdays,
            frozenset(line for line in parent.lines if line.tag not in tags) | changes.lines,
            frozenset(line for line in parent.private if line.where not in private) | changes.private,
        )
    except ProfileError as error:
        raise ProfileError.of([*faults, *error.faults]) from None
    if faults:
        raise ProfileError.of(faults)
    return made


def faults_anyway(changes: Changes) -> tuple[ProfileFault, ...]:
    """What is wrong with `changes` whatever they extend; for those that extend what cannot be read."""
    first, *others = (_faults_over(parent, changes) for parent in _ANY)
    known = [{(one.path, one.text) for one in faults} for faults in others]
    return tuple(one for one in first if all((one.path, one.text) in each for each in known))


def _faults_over(parent: Profile, changes: Changes) -> tuple[ProfileFault, ...]:
    try:
        extended(parent, changes)
    except ProfileError as error:
        return error.faults
    return ()


def _faults(parent: Profile, changes: Changes) -> Iterator[ProfileFault]:
    for option in sorted(changes.without):
        if option in changes.options:
            text = f"{option} stands in options too"
            yield ProfileFault("contradiction", "without", text, "Leave it in one of them.")
        elif option not in parent.options:
            text = f"{option} is not on in what the profile extends"
            yield ProfileFault("contradiction", "without", text, "Take it out of the list.")
