"""What every object we make says about its maker and its patient (PS3.3 C.7.5.2, C.7.1, C.7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from highdicom import AlgorithmIdentificationSequence
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    ObserverContext,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from containers import Code, Unit
from ror.results.errors import EncodeError
from ror.results.model import ResultJob, SourceSeries
from ror.results.superseded import told_in_words
from ror.results.uids import derive_uid

__all__ = [
    "MANUFACTURER",
    "RESEARCH_USE",
    "algorithm_content",
    "algorithm_item",
    "concept",
    "content_description",
    "detached",
    "device_observer",
    "long_text",
    "require_frame_of_reference",
    "require_uids",
    "short_digest",
    "stamp",
]

MANUFACTURER = "ror"
RESEARCH_USE = "Research use only, not for diagnosis"

NEEDED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


def detached(headers: Sequence[Dataset]) -> list[Dataset]:
    """The headers, the first one copied: highdicom puts its very data elements into what it makes.

    Without it, a change to the result (its patient, say) would change the source.
    """
    return [deepcopy(headers[0]), *headers[1:]]


def require_uids(series: SourceSeries) -> None:
    """Refuse source images that cannot be referred to.

    Raises
    ------
    EncodeError
        A UID is missing.
    """
    missing = [keyword for keyword in NEEDED if not all(header.get(keyword) for header in series.headers)]
    if missing:
        raise EncodeError(
            f"images of the series {series.name!r} have no {', '.join(missing)}",
            "Send the series again with its UIDs.",
        )


def require_frame_of_reference(series: SourceSeries) -> str:
    """The UID of the frame of reference in which results on a series lie.

    Raises
    ------
    EncodeError
        The source images have none, or lack other UIDs.
    """
    require_uids(series)
    if series.grid is None or not series.grid.frame_of_reference_uid:
        raise EncodeError(
            f"the series {series.name!r} has no FrameOfReferenceUID, so results cannot lie on it",
            "Let the de-identification profile map FrameOfReferenceUID instead of removing it.",
        )
    return series.grid.frame_of_reference_uid


def content_description(job: ResultJob) -> str:
    """For what a result is, and what it takes the place of.

    In words only: viewers look for images in all series that a segmentation refers to, and the older one may be gone.
    """
    return long_text("; ".join(filter(None, (RESEARCH_USE, told_in_words(job.supersedes, job.version)))))


def short_digest(digest: str) -> str:
    """The first 12 hexadecimal digits of ``sha256:…``; ``none`` for no digest."""
    return digest.removeprefix("sha256:")[:12] or "none"


def long_text(text: str) -> str:
    """Cut to what LO holds (PS3.5 6.2): 64 characters."""
    return text[:64].rstrip()


def concept(code: Code | Unit) -> CodedConcept:
    """A manifest's code as highdicom's."""
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def algorithm_item(job: ResultJob) -> AlgorithmIdentificationSequence:
    """Algorithm Identification macro (PS3.3 10.16)."""
    return AlgorithmIdentificationSequence(
        name=long_text(job.workflow),
        family=codes.cid7162.ArtificialIntelligence,
        version=long_text(job.version),
        source=MANUFACTURER,
        parameters=_parameters(job),
    )


def algorithm_content(job: ResultJob) -> AlgorithmIdentification:
    """Algorithm Identification (PS3.16 TID 4019)."""
    return AlgorithmIdentification(
        name=job.workflow,
        version=job.version,
        parameters=[f"{name}={value}" for name, value in _parameters(job).items()],
        manufacturer=MANUFACTURER,
    )


def device_observer(job: ResultJob) -> ObserverContext:
    """The package that has observed what a document says (PS3.16 TID 1004)."""
    device = DeviceObserverIdentifyingAttributes(
        uid=derive_uid(f"{job.workflow} {job.version} {job.package_digest}", "device"),
        name=long_text(job.workflow),
        manufacturer_name=MANUFACTURER,
        model_name=long_text(job.workflow),
        serial_number=short_digest(job.image_digest),
    )
    return ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)


def _parameters(job: ResultJob) -> dict[str, str]:
    return {
        "image": short_digest(job.image_digest),
        "package": short_digest(job.package_digest),
        "use": RESEARCH_USE,
    }


def stamp(dataset: Dataset, job: ResultJob, description: str) -> Dataset:
    """Give an object its description, the time at which the program ended instead of now, and UTF-8.

    With the time the same outputs of the same job give the same bytes. Labels of a manifest may have any letter,
    whatever the character set of the source images; names that were copied from these are written anew.
    """
    dataset.SpecificCharacterSet = "ISO_IR 192"
    organization = derive_uid(job.job_id, f"dimensions/{dataset.SOPInstanceUID}")
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in dataset.get(keyword, ()):
            item.DimensionOrganizationUID = organization
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = job.finished_at.strftime("%Y%m%d%H%M%S")
    day, time = job.finished_at.strftime("%Y%m%d"), job.finished_at.strftime("%H%M%S")
    dataset.SeriesDescription = long_text(description)
    dataset.ContentDate = dataset.InstanceCreationDate = dataset.SeriesDate = day
    dataset.ContentTime = dataset.InstanceCreationTime = dataset.SeriesTime = time
    return dataset
