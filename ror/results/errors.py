"""What can go wrong on the way back.

::

    JobFailed               (ror.errors) repeating does not help
    ├── OutputError         the program's output is not what its manifest announces: correct the program;
    │                       `faults` has all of them
    ├── EncodeError         the source images cannot carry a result (no frame of reference): choose others
    ├── ObjectsInvalid      an object we made contradicts its sources: ours to mend; nothing was sent
    ├── DeliveryRefused     the PACS said no for good: its administrator must allow the SOP classes or us
    ├── RedcapRefused       REDCap said no: correct the project's dictionary, events, rights or the manifest;
    │                       `faults` has its words for each field
    └── RedcapOccupied      another series, study or workflow has written these fields of the record: name a
                            repeating instrument, or rename the fields; `occupied` has the other job for each field
    CorrectionRefused       a segmentation that came back cannot take the place of a mask: `reason` says in a word why;
                            it is in quarantine, and can be released when what is in its way is gone
    ServiceUnavailable      (ror.errors) waiting helps
    ├── DeliveryUnavailable the PACS cannot be reached or cannot take anything now
    └── RedcapUnavailable   REDCap cannot be reached, is down for maintenance, or asks for patience
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ror.errors import JobFailed, RorError, ServiceUnavailable

__all__ = [
    "CorrectionRefused",
    "DeliveryRefused",
    "DeliveryUnavailable",
    "EncodeError",
    "FieldFault",
    "ObjectsInvalid",
    "OutputError",
    "OutputFault",
    "RedcapOccupied",
    "RedcapRefused",
    "RedcapUnavailable",
]


@dataclass(frozen=True, slots=True)
class OutputFault:
    """One fault of a program's output.

    Attributes
    ----------
    path
        Relative to /output, with the place inside: ``output.json[2].value``.
    problem
        What is wrong and what is expected.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class OutputError(JobFailed):
    """The output of a program is not what its manifest announces."""

    def __init__(self, faults: tuple[OutputFault, ...]) -> None:
        super().__init__(
            f"the workflow's output has {len(faults)} fault{'s' if len(faults) > 1 else ''}",
            "Correct the program or its workflow.toml; nothing was delivered, and the output folder is kept.",
        )
        self.args = (faults,)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join((f"{self.what}:", *(f"  {fault}" for fault in self.faults)))


class EncodeError(JobFailed):
    """The source images cannot carry a result object."""


class ObjectsInvalid(JobFailed):
    """Objects that contradict their source images, or lack what a PACS needs."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(
            f"result objects have {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was sent",
            "Report this: the objects are kept in the job's folder.",
        )
        self.args = (faults,)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join((f"{self.what}:", *(f"  {fault}" for fault in self.faults)))


class CorrectionRefused(RorError):
    """A segmentation that came back from a viewer fits no mask for certain; nothing that it says of people is told."""

    def __init__(self, reason: str, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.args = (reason, what, advice)
        self.reason = reason


class DeliveryRefused(JobFailed):
    """The PACS refused for good."""


class DeliveryUnavailable(ServiceUnavailable):
    """The PACS cannot take the results now."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """REDCap's word about one field of one record; fields are "" where REDCap names none."""

    record: str
    field: str
    message: str

    def __str__(self) -> str:
        place = "/".join(part for part in (self.record, self.field) if part)
        return f"{place}: {self.message}" if place else self.message


class RedcapRefused(JobFailed):
    """REDCap does not take the measurements: by what it says of itself, when nothing was sent, or by its answer."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(
            "REDCap refuses the measurements",
            "`ror redcap check PROJECT` says all that does not fit and how to mend it; then retry the job.",
        )
        self.args = (faults,)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join((f"{self.what}:", *(f"  {fault}" for fault in self.faults)))


class RedcapOccupied(JobFailed):
    """Fields of the record hold the results of other jobs; nothing was sent, so that nothing is overwritten."""

    def __init__(self, project: str, occupied: Mapping[str, str]) -> None:
        told = ", ".join(f"{field} of job {job}" for field, job in sorted(occupied.items()))
        super().__init__(
            f"the REDCap record has {told}, which is of another series, study or workflow, and is not overwritten",
            "where another workflow gives the same fields, rename them in one of the manifests; else let REDCap repeat "
            f"their instrument, name it with `ror project change {project} --redcap-repeat-instrument NAME`, then "
            "retry the job; `ror measurements list` has both results",
        )
        self.args = (project, occupied)
        self.project = project
        self.occupied = occupied


class RedcapUnavailable(ServiceUnavailable):
    """REDCap does not answer now."""
