"""Segmentations that come back from a viewer: they have no identity to lose, and answer a result of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from pydicom.uid import UID

from anonymizer import IdentifiedInstance, OriginalIdentity
from ror.archive import Index
from ror.errors import NotFound

__all__ = ["SEGMENTATIONS", "Corrections", "Verdict", "is_of_research"]

SEGMENTATIONS: Final = frozenset({UID("1.2.840.10008.5.1.4.1.1.66.4"), UID("1.2.840.10008.5.1.4.1.1.66.7")})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a segmentation: kept, `held` before, or refused for a `reason`, which `what` tells to people."""

    held: bool = False
    reason: str = ""
    what: str = ""


class Corrections(Protocol):
    """Who knows which masks were made; `ror.app` gives it to the intake."""

    def take(self, part10: bytes, project: str, sender: str) -> Verdict:
        """Keep a segmentation of a research study, as a file (PS3.10), as a version of the mask that it corrects."""


def is_of_research(identified: IdentifiedInstance, project: str, index: Index) -> bool:
    """Whether an object is one of ours that comes back: of a study of the project, under its pseudonym.

    Both, since a project may keep the UIDs of its studies: then their identified objects have the same.
    """
    said = OriginalIdentity.of(identified)
    try:
        held = index.study(said.study_instance_uid)
    except NotFound:
        return False
    return held == (project, said.patient_id)
