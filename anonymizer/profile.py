"""What happens to which attributes, and under which options of PS3.15 Annex E.

A `Profile` is a small value made from configuration; `plan.py` compiles it, once, into an action per tag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from anonymizer.burned_in import check_rules
from anonymizer.errors import ProfileError, ProfileFault
from anonymizer.key import ProjectKey
from anonymizer.limits import line_faults, list_faults, private_faults
from anonymizer.lines import Line, PrivateLine, Treatment
from anonymizer.options import BASIC_CODE, Option
from anonymizer.table import EDITION

__all__ = ["CLEANED_BY_DEFAULT", "Profile"]

# Workflows name series by these (select statements), so they are worth cleaning instead of removing.
# SequenceName is not in the table, and so is cleaned by any profile, as all short texts are that it forgets.
CLEANED_BY_DEFAULT: Final = ("SeriesDescription", "StudyDescription", "ProtocolName", "SequenceName")


@dataclass(frozen=True, slots=True)
class Profile:
    """The Basic Application Level Confidentiality Profile, its options, and a project's own lines.

    Attributes
    ----------
    options
        What is on (PS3.15 E.3).
    cleaned
        Descriptors that are cleaned even where Clean Descriptors is off; every other row of that option
        then gets its stricter action of the Basic Profile.
    keep, remove
        Keywords that a project keeps or removes against the table. What is kept is still subject to the
        residual check; a kept date is shifted, a kept UID mapped, a kept age capped at 90 years, unless an
        option retains them.
    pixel_rules
        A project's own rules for text in pixels, the text of a TOML document (`anonymizer.pixels.rules`); they, and
        `find_text`, are for Clean Pixel Data.
    find_text
        Whether text is also searched for in the pixels, which needs the extra ``ocr`` where objects are treated.
    weekdays
        Whether dates move by whole weeks; else by any number of days, and not even the day of the week is left.
    lines
        What becomes of single attributes; they go before the table.
    private
        What is kept or removed against the standard's list of safe private attributes, for Retain Safe Private.
    """

    options: frozenset[Option] = frozenset({Option.RETAIN_MODIFIED_DATES})
    cleaned: frozenset[str] = frozenset(CLEANED_BY_DEFAULT)
    keep: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    pixel_rules: str = ""
    find_text: bool = False
    weekdays: bool = True
    lines: frozenset[Line] = frozenset()
    private: frozenset[PrivateLine] = frozenset()

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def of(
        cls,
        *,
        options: Iterable[str] = (),
        cleaned: Iterable[str] = CLEANED_BY_DEFAULT,
        keep: Iterable[str] = (),
        remove: Iterable[str] = (),
        modified_dates: bool = True,
        pixel_rules: str = "",
        find_text: bool = False,
    ) -> Profile:
        """Make a profile from plain configuration values.

        Parameters
        ----------
        options
            Values of `Option` that are on.
        modified_dates
            Whether Retain Longitudinal Temporal Information with Modified Dates is on where
            ``retain-full-dates`` is not.

        Raises
        ------
        ProfileError
            An option or a keyword is unknown, a keyword stands in two lists, or names what may never be kept or
            removed; the rules for pixels are none, or nothing is to be done in pixels.
        """
        chosen = {_option(word) for word in options}
        if modified_dates and Option.RETAIN_FULL_DATES not in chosen:
            chosen.add(Option.RETAIN_MODIFIED_DATES)
        lists = frozenset(cleaned), frozenset(keep), frozenset(remove)
        return cls(frozenset(chosen), *lists, pixel_rules, find_text)

    def has(self, option: Option) -> bool:
        """Whether an option is on."""
        return option in self.options

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of the edition and all settings: equal digests treat objects equally."""
        lists = (self.options, self.cleaned, self.keep, self.remove)
        parts = [EDITION, *(",".join(sorted(names)) for names in lists)]
        # Only where they are used: without them a digest is what it was before there were such settings.
        parts += ["find-text"] if self.find_text else []
        parts += [f"pixel-rules={self.pixel_rules}"] if self.pixel_rules else []
        parts += [] if self.weekdays else ["any-weekday"]
        parts += [f"line={line.where}={line.treatment}" for line in sorted(self.lines)]
        parts += [f"private={line.where}={line.vr}" for line in sorted(self.private)]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]

    @property
    def option_codes(self) -> tuple[tuple[str, str], ...]:
        """Codes of CID 7050 that an object treated with this profile carries, with their meanings."""
        options = self.options | ({Option.CLEAN_DESCRIPTORS} if self._cleans else set())
        return (BASIC_CODE, *sorted(option.code for option in options))

    @property
    def longitudinal(self) -> str:
        """Longitudinal Temporal Information Modified (PS3.3 C.12.1.1.9)."""
        if self.has(Option.RETAIN_FULL_DATES):
            return "UNMODIFIED"
        return "MODIFIED" if self.has(Option.RETAIN_MODIFIED_DATES) or self._shifts else "REMOVED"

    @property
    def _cleans(self) -> bool:
        return bool(self.cleaned) or any(line.treatment is Treatment.CLEAN for line in self.lines)

    @property
    def _shifts(self) -> bool:
        return any(line.treatment is Treatment.SHIFT for line in self.lines)

    def uid(self, key: ProjectKey, old: str) -> str:
        """The research UID for a UID that the standard did not define."""
        return old if self.has(Option.RETAIN_UIDS) else key.uid(old)


def _option(word: str) -> Option:
    try:
        return Option(word)
    except ValueError:
        known = ", ".join(Option)
        text = f"{word!r} is no option of PS3.15"
        raise ProfileError.of(
            [ProfileFault("unknown_option", "options", text, f"Choose from {known}.")]
        ) from None


def _check(profile: Profile) -> None:
    faults = tuple(_faults(profile))
    if faults:
        raise ProfileError.of(faults)


def _faults(profile: Profile) -> Iterator[ProfileFault]:
    """All that is wrong with a profile."""
    options = profile.options
    lists = {"cleaned": profile.cleaned, "keep": profile.keep, "remove": profile.remove}
    if options >= {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}:
        text = "Dates cannot be both modified and kept"
        yield ProfileFault("contradiction", "", text, "Leave one of the two options.")
    if (profile.pixel_rules or profile.find_text) and Option.CLEAN_PIXEL_DATA not in options:
        text = "Rules for pixels, or a search for text in them, are given, but pixels are not to be cleaned"
        advice = f"Switch the option {Option.CLEAN_PIXEL_DATA} on, or leave them out."
        yield ProfileFault("contradiction", "", text, advice)
    yield from list_faults(lists)
    yield from line_faults(profile.lines, options, lists)
    yield from private_faults(profile.private, options)
    try:
        if profile.pixel_rules:
            check_rules(profile.pixel_rules)
    except ProfileError as error:
        yield ProfileFault(error.reason, "pixel_rules", error.text, error.advice)
