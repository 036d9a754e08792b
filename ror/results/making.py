"""Checked outputs → valid DICOM objects in a folder: one way, for jobs of a service and for tries on a laptop."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ror.results.encoding import encode, write
from ror.results.model import Outputs, ResultJob, ResultObject
from ror.results.validation import validate

__all__ = ["Made", "make_objects"]


@dataclass(frozen=True, slots=True)
class Made:
    """The objects of a job, where each was written, and why some were left out."""

    objects: tuple[ResultObject, ...]
    paths: tuple[Path, ...]
    left_out: tuple[str, ...]

    @property
    def told(self) -> str:
        """``SEG, SR, 3 SC; no pictures of lungs: …``."""
        made = Counter(one.kind for one in self.objects)
        kinds = [kind if count == 1 else f"{count} {kind}" for kind, count in made.items()]
        return "; ".join([", ".join(kinds) or "no objects", *self.left_out])


def make_objects(outputs: Outputs, job: ResultJob, folder: Path) -> Made:
    """Make the objects that go back to the PACS, and write them in place of what is in a folder.

    Raises
    ------
    EncodeError, ObjectsInvalid
        Nothing was written.
    """
    left_out: list[str] = []
    objects = encode(outputs, job, left_out.append)
    validate(objects, job)
    shutil.rmtree(folder, ignore_errors=True)
    return Made(objects, tuple(write(objects, folder)), tuple(left_out))
