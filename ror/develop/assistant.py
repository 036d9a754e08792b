"""What an assistant may ask of a project: its data, counted and described without identities, and its statement.

Public by itself: only `ror mcp` has an assistant. What it is told may be read elsewhere, so what PS3.15 takes out of a
header is withheld: names, numbers of patients, dates, and texts about them. Kept are UIDs, patients' sex, age and size,
and descriptions of images without the words that are in what is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

import select_lang
from anonymizer import Option, Profile, ToldRule, rules_of
from ror.develop.data_index import DataIndex
from ror.develop.project import DeveloperProject
from ror.develop.scanning import scan, sources_of
from ror.develop.starter import start
from ror.errors import ConfigurationError, NotAllowed, NotFound
from select_lang import SelectError, Series, Statement

__all__ = ["SUBSETS", "Assistant"]

_KEPT = (Option.RETAIN_UIDS, Option.RETAIN_PATIENT_CHARACTERISTICS, Option.CLEAN_DESCRIPTORS)
_WITHHELD = "withheld"
_WORD = r"[^\W\d_]{3,}|\d{6,}"
# Of what the standard cleans, only what says how images were made; the rest is written about the patient.
_DESCRIPTIONS = frozenset(
    {
        "AcquisitionProtocolDescription",
        "ContrastBolusAgent",
        "ImageType",
        "ProtocolName",
        "SequenceName",
        "SeriesDescription",
        "StudyDescription",
    }
)
_PATIENT, _ACQUISITION = 0x0010, 0x0018  # groups
_SCANNER = (
    "Manufacturer",
    "Station",
    "Device",
    "SoftwareVersions",
    "MagneticField",
    "Institution",
)  # they begin so
SUBSETS = ("all", "patient", "study", "scanner", "scan_parameter")
"""Of the attributes of a series: those of its patient, its study, the device, the acquisition."""


@dataclass(frozen=True)
class Assistant:
    """Answers about one project folder; with `identities` nothing is withheld."""

    folder: Path
    identities: bool = False

    # -- the project --------------------------------------------------------------------------------------------------

    def init(self, kind: str) -> dict[str, Any]:
        """Make a workflow in the folder; what is there stays."""
        started = start(self.folder, kind)
        return {"name": started.name, "added": list(started.added), "kept": list(started.kept)}

    def status(self) -> dict[str, Any]:
        """What the workflow is called, and how much data there is to try it on."""
        package = self._project.package()
        return {
            "folder": str(self.folder),
            "workflow": package.manifest.name,
            "version": package.manifest.version,
            "command": list(package.manifest.command),
            **self.counts(),
        }

    def counts(self) -> dict[str, int]:
        """How many patients, studies, series and images are known."""
        series = self._series
        return {
            "patients": len({one.patient_id for one in series}),
            "studies": len({one.study_uid for one in series}),
            "series": len(series),
            "images": sum(int(one.values("NumImages")[0]) for one in series),
        }

    # -- the data -----------------------------------------------------------------------------------------------------

    def add_data(self, path: str) -> dict[str, Any]:
        """Read the DICOM files below a folder, or of a pattern."""
        project, sources = self._project, sources_of([path])
        project.require_apart(sources)
        with DataIndex.opened(project.data_index) as index:
            done = scan(index, sources, jobs=1, project=project.folder)
            unused = index.unused()
        return {"files": done.files, "read": done.read, "not_used": unused, **self.counts()}

    def clear_data(self, *, confirm: bool) -> dict[str, int]:
        """Forget the data (`NotAllowed` unless that is confirmed); the files stay."""
        if not confirm:
            raise NotAllowed(
                "this forgets all data of the project", "ask the user, then call again with confirm"
            )
        with DataIndex.opened(self._project.data_index) as index:
            index.clear()
        return self.counts()

    def patients(self) -> list[dict[str, Any]]:
        """Each patient by a number, with the studies."""
        return [
            {
                "patient": number,
                **({"PatientID": patient} if self.identities else {}),
                "studies": [
                    {"StudyInstanceUID": study, "series": sum(one.study_uid == study for one in some)}
                    for study in dict.fromkeys(one.study_uid for one in some)
                ],
            }
            for number, (patient, some) in enumerate(self._by_patient.items(), 1)
        ]

    def study(self, study_uid: str) -> list[dict[str, Any]]:
        """The series of a study in short (`NotFound` if none is known)."""
        some = [one for one in self._series if one.study_uid == study_uid]
        if not some:
            raise NotFound(f"no study {study_uid} is known", "get_patients_info lists them")
        return [self._short(one) for one in some]

    def series(self, series_uid: str) -> dict[str, Any]:
        """A series, and the names of the statement that it goes to."""
        one = self._one(series_uid)
        matches = select_lang.evaluate(self._project.statement(), self._series)
        jobs = [
            {"job": number, "name": named.name}
            for number, match in enumerate(matches, 1)
            for named in match.series
            if named.series_uid == series_uid
        ]
        return {**self._short(one), "in_jobs": jobs}

    def attributes(self, series_uid: str, subset: str) -> dict[str, Any]:
        """The attributes of a series, or a subset of them."""
        if subset not in SUBSETS:
            raise ConfigurationError(
                f"there is no subset {subset}", advice=f"say one of {', '.join(SUBSETS)}"
            )
        held = self._one(series_uid).attributes
        return {name: self._shown(name, held) for name in sorted(held) if subset in ("all", _subset_of(name))}

    # -- the statement ------------------------------------------------------------------------------------------------

    def select(self) -> dict[str, Any]:
        """The statement of the workflow, and what it makes of the data."""
        return {"select": self._project.package().manifest.select, **self._made_of(self._project.statement())}

    def set_select(self, text: str) -> dict[str, Any]:
        """Let the workflow select by another statement, unless that has faults (see `validate`)."""
        answer = self.validate(text)
        if answer["valid"]:
            self._project.set_select(text.strip())
        return {**answer, "set": answer["valid"]}

    def validate(self, text: str) -> dict[str, Any]:
        """All faults of a statement, or what it makes of the data."""
        try:
            statement = select_lang.read(text.strip())
        except SelectError as error:
            return {"valid": False, "faults": [str(one) for one in error.faults]}
        return {"valid": True, "faults": [], **self._made_of(statement)}

    def suggest(self) -> dict[str, Any]:
        """A statement that splits the data well (`NotFound` without data)."""
        if not self._series:
            raise NotFound(
                "there is no series to propose a statement for", "add data first: project_add_data"
            )
        proposed = select_lang.suggest(self._series)
        return {"select": proposed.text, "jobs": len(proposed.jobs)}

    def _made_of(self, statement: Statement) -> dict[str, Any]:
        told = select_lang.explain(statement, self._series)
        jobs = [
            [{"name": one.name, "SeriesInstanceUID": one.series_uid} for one in match.series]
            for match in told.matches
        ]
        # What is said of values that were seen is withheld where they are.
        tells = self.identities or not any(map(self._withheld, _named(statement)))
        return {"jobs": jobs, **({"sentence": told.sentence} if tells else {})}

    # -- what is shown ------------------------------------------------------------------------------------------------

    @property
    def _project(self) -> DeveloperProject:
        return DeveloperProject.at(self.folder)

    @property
    def _series(self) -> list[Series]:
        with DataIndex.opened(self._project.data_index) as index:
            return index.series()

    @property
    def _by_patient(self) -> Mapping[str, Sequence[Series]]:
        found: dict[str, list[Series]] = {}
        for one in self._series:
            found.setdefault(one.patient_id, []).append(one)
        return found

    def _one(self, series_uid: str) -> Series:
        for one in self._series:
            if one.uid == series_uid:
                return one
        raise NotFound(f"no series {series_uid} is known", "get_study_info lists those of a study")

    def _short(self, one: Series) -> dict[str, Any]:
        names = ("Modality", "SeriesDescription", "SeriesNumber", "NumImages", "ClassifyTypes")
        told = {name: self._shown(name, one.attributes) for name in names if name in one.attributes}
        return {"SeriesInstanceUID": one.uid, "StudyInstanceUID": one.study_uid, **told}

    def _shown(self, name: str, held: Mapping[str, Sequence[str]]) -> Any:
        if self.identities:
            return list(held[name])
        if self._withheld(name):
            return _WITHHELD
        secret = {
            word
            for one, values in held.items()
            if self._withheld(one)
            for value in values
            for word in _words(value)
        }
        return [_without(secret, value) for value in held[name]]

    def _withheld(self, name: str) -> bool:
        # What has no keyword is private, and nobody knows what is in it.
        return name.startswith("(") or name in self._taken_out

    @cached_property
    def _taken_out(self) -> frozenset[str]:
        return frozenset(
            one.name for one in rules_of(Profile.of(options=_KEPT)) if not _leaves_something(one)
        )


def _leaves_something(rule: ToldRule) -> bool:
    return rule.action.startswith("keep") or (rule.action.startswith("clean") and rule.name in _DESCRIPTIONS)


def _words(value: str) -> list[str]:
    """Words that tell something: of letters, or of digits as long as a date."""
    return re.findall(_WORD, value.lower())


def _without(secret: set[str], value: str) -> str:
    """A value without the words that are secret."""
    return re.sub(_WORD, lambda found: "…" if found[0].lower() in secret else found[0], value)


def _subset_of(name: str) -> str:
    if name.startswith(_SCANNER):
        return "scanner"
    if _group(name) == _PATIENT:
        return "patient"
    if _group(name) == _ACQUISITION:
        return "scan_parameter"
    return "study" if name.startswith(("Study", "Accession", "Referring")) else ""


def _group(name: str) -> int:
    return (tag_for_keyword(name) or 0) >> 16


def _named(statement: Statement) -> set[str]:
    """The attributes of a statement, and words that only look like some."""
    text = select_lang.write(statement)
    return {*re.findall(r"[A-Za-z]\w+", text), *re.findall(r"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)", text)}
