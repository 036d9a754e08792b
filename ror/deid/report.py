"""``report.json`` and ``report.html``: what was done to the objects of a folder; no value, no name of a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_description
from pydicom.uid import UID

from anonymizer import Profile
from ror import __version__
from ror.deid.page import page
from ror.deid.tally import Outcome, Tally
from ror.deid.target import Stamp

__all__ = ["Run", "facts", "write"]

_MIB = 2**20
_LONGEST_SETTING = 200


@dataclass(frozen=True, slots=True)
class Run:
    """When a run began (seconds since 1970), how long it took (s), and whether it has seen all files."""

    began_at: float
    seconds: float
    jobs: int
    complete: bool


def facts(profile: Profile, name: str, stamp: Stamp, tally: Tally, run: Run) -> dict[str, Any]:
    """The report as plain data."""
    rate = 1 / run.seconds if run.seconds else 0.0
    return {
        "made_by": f"ror {__version__}",
        "began_at": datetime.fromtimestamp(run.began_at).astimezone().isoformat(timespec="seconds"),
        "complete": run.complete,
        "profile": {"name": name, "digest": profile.digest, **_settings(profile)},
        "codes": [f"{code} {meaning}" for code, meaning in profile.option_codes],
        "key": {"of": stamp.pseudonyms, "fingerprint": stamp.key},
        "patients": len(tally.patients),
        "studies": len(tally.studies),
        "series": len(tally.series),
        "files": {
            "seen": tally.files,
            "written": tally.written,
            "present": tally.present,
            "refused": tally.count(Outcome.REFUSED),
            "skipped": tally.count(Outcome.SKIPPED),
        },
        "sop_classes": [
            {"uid": uid, "name": UID(uid).name, "objects": n} for uid, n in tally.sop_classes.most_common()
        ],
        "refused": _reasons(tally, Outcome.REFUSED),
        "skipped": _reasons(tally, Outcome.SKIPPED),
        "actions": dict(tally.actions.most_common()),
        "removed": _tags(tally.removed),
        "cleaned": _tags(tally.cleaned),
        "speed": {
            "seconds": round(run.seconds, 2),
            "jobs": run.jobs,
            "files_per_second": round(tally.files * rate, 1),
            "mib_per_second": round(tally.bytes_read / _MIB * rate, 1),
        },
    }


def write(facts: dict[str, Any], folder: Path) -> None:
    """Write both files, each whole or not at all."""
    _replace(folder / "report.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    _replace(folder / "report.html", page(facts))


def _replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def _settings(profile: Profile) -> dict[str, Any]:
    """Whatever a profile is made of, as plain data."""
    return {one.name: _plain(getattr(profile, one.name)) for one in fields(profile)}


def _plain(value: object) -> object:
    if isinstance(value, str) and len(value) > _LONGEST_SETTING:
        return f"{len(value)} characters"  # a file's text; its digest is in that of the profile
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, Iterable):
        return sorted(str(one) for one in value)
    return str(value)


def _reasons(tally: Tally, outcome: Outcome) -> list[dict[str, Any]]:
    rows = []
    for (its, reason), number in tally.undone.most_common():
        if its is outcome:
            what, advice = tally.told[reason]
            tags = {tag: n for (why, tag), n in tally.tags.most_common() if why == reason}
            rows.append({"reason": reason, "files": number, "what": what, "advice": advice, "tags": tags})
    return rows


def _tags(objects: Counter[str]) -> list[dict[str, Any]]:
    return [{"tag": path, "name": _name(path), "objects": n} for path, n in sorted(objects.items())]


def _name(path: str) -> str:
    """The names of PS3.6 along a path of tags."""
    return " › ".join(_name_of(int(tag[1:5] + tag[6:10], 16)) for tag in path.split("[*]") if tag)


def _name_of(tag: int) -> str:
    if tag >> 16 & 1:
        return "private"
    try:
        return dictionary_description(tag)
    except KeyError:
        return "not in PS3.6"
