"""The profiles that are judged, and how an object is treated under one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from anonymizer import IdentifiedInstance, Option, Profile, ProjectKey, deidentify

__all__ = ["PROFILES", "treatment"]

_CLEAN: Final = (Option.CLEAN_DESCRIPTORS, Option.CLEAN_STRUCTURED_CONTENT, Option.CLEAN_GRAPHICS)
_RETAIN: Final = (
    Option.RETAIN_SAFE_PRIVATE,
    Option.RETAIN_UIDS,
    Option.RETAIN_DEVICE,
    Option.RETAIN_INSTITUTION,
    Option.RETAIN_PATIENT_CHARACTERISTICS,
    Option.RETAIN_FULL_DATES,
)
PROFILES: Final = {
    "the default": Profile.of(),
    "all options that clean": Profile.of(options=_CLEAN),
    "all options that retain": Profile.of(options=_RETAIN),
    "both": Profile.of(options=(*_CLEAN, *_RETAIN)),
}


def treatment(profile: Profile, key: ProjectKey) -> Callable[[bytes], bytes]:
    """File to file under a profile."""
    return partial(_treated, profile, key)


def _treated(profile: Profile, key: ProjectKey, data: bytes) -> bytes:
    research, _report = deidentify(IdentifiedInstance.from_part10(data), profile, key)
    return research.to_part10()
