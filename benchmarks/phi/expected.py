"""What becomes of an implant under a profile: read from the tables of PS3.15, not from the engine's plan."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from anonymizer import Option, Profile
from benchmarks.phi.implant import Category, Implant, Keeper

__all__ = ["Expected", "expected", "keeps"]

_TAG: Final = re.compile(r"\((\w{4}),(\w{4})\)")
_COLUMNS: Final = {
    Option.RETAIN_DEVICE: "retain_device_identity",
    Option.RETAIN_INSTITUTION: "retain_institution_identity",
    Option.RETAIN_FULL_DATES: "retain_longitudinal_full_dates",
    Option.RETAIN_MODIFIED_DATES: "retain_longitudinal_modified_dates",
}


class Expected(StrEnum):
    """What must become of an implant, if the object comes out."""

    GONE = "gone"
    KEPT = "kept"
    EITHER = "either"


def expected(implant: Implant, profile: Profile) -> Expected:
    """Gone, unless an option that is on keeps (K) the very attribute, and nothing removes what it stands in."""
    if not implant.path:
        # What an archive wrote as UN is a public attribute all the same, so the option holds for its UIDs.
        unknown_uid = implant.place == "UN" and implant.category is Category.UID
        return Expected.EITHER if unknown_uid and Option.RETAIN_UIDS in profile.options else Expected.GONE
    # K for ages means up to 89 years; a name in a text that is cleaned (C) is found if the object knows it as one.
    if implant.category is Category.AGE:
        return Expected.GONE
    *above, last = ("".join(pair) for pair in _TAG.findall(implant.path))
    if _odd(last) or any(_odd(tag) for tag in above):
        return Expected.GONE
    codes = _codes(last, profile, implant.concept)
    if "C" in codes and (implant.stranger or implant.category is Category.REMARK):
        return Expected.EITHER
    if "K" not in codes:
        return Expected.GONE
    # Inside what the Basic Profile takes out or replaces, an option of the inner attribute alone promises nothing.
    return Expected.EITHER if any(_row(tag) for tag in above) else Expected.KEPT


def keeps(keeper: Keeper, profile: Profile) -> bool:
    """Whether what is no identity must come out: no row of the table, or an option, takes it or what it stands in."""
    *above, last = ("".join(pair) for pair in _TAG.findall(keeper.path))
    left_alone = all(not _row(tag) or _codes(tag, profile, None) for tag in above)
    return left_alone and (not _row(last) or bool(_codes(last, profile, None)))


def _codes(tag: str, profile: Profile, concept: tuple[str, str, str] | None) -> set[str]:
    columns = {_COLUMNS.get(option, option.value.replace("-", "_")) for option in profile.options}
    row = _row(tag) if concept is None else _concepts().get(concept, {})
    if not row and _vr(tag) == "UI" and Option.RETAIN_UIDS in profile.options:
        return {"K"}
    cleaned = {"C"} if keyword_for_tag(int(tag, 16)) in profile.cleaned else set()
    return cleaned | {code for column, code in row.get("options", {}).items() if column in columns}


def _vr(tag: str) -> str:
    return dictionary_VR(int(tag, 16)) if dictionary_has_tag(int(tag, 16)) else ""


def _odd(tag: str) -> bool:
    return int(tag[:4], 16) % 2 == 1


def _row(tag: str) -> dict[str, Any]:
    return _rows().get(tag, {})


@cache
def _rows() -> dict[str, dict[str, Any]]:
    return {row["tag"]: row for row in _tables()["rules"]}


@cache
def _concepts() -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(r["scheme"], r["code"], r["value_type"]): r for r in _tables()["content_items"]}


@cache
def _tables() -> dict[str, Any]:
    text = files("anonymizer").joinpath("data", "ps315_2026d.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables
