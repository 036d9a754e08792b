"""The frame of the objects that highdicom has no class for, and files inside DICOM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy

from highdicom.base import SOPClass
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ror.results.equipment import MANUFACTURER, long_text, require_uids, short_digest
from ror.results.model import ResultJob, SourceSeries
from ror.results.uids import derive_uid

__all__ = ["encapsulated", "new_object", "reference", "referenced_series"]


def new_object(
    job: ResultJob,
    source: SourceSeries,
    sop_class_uid: str,
    modality: str,
    series_number: int,
    series_role: str,
    instance_number: int = 1,
    role: str = "",
) -> Dataset:
    """An object with the patient, study, series and equipment, and nothing else.

    Parameters
    ----------
    source
        Whose patient and study it belongs to.
    series_role, role
        What the UIDs derive from; `role` is that of the series where it is not given.
    """
    require_uids(source)
    header = source.headers[0]
    made = SOPClass(
        study_instance_uid=source.study_instance_uid,
        series_instance_uid=derive_uid(job.job_id, f"{series_role}/series"),
        series_number=series_number,
        sop_instance_uid=derive_uid(job.job_id, role or series_role),
        sop_class_uid=sop_class_uid,
        instance_number=instance_number,
        modality=modality,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=long_text(job.workflow),
        software_versions=long_text(job.version),
        device_serial_number=short_digest(job.image_digest),
    )
    made.copy_patient_and_study_information(header)
    return deepcopy(made)  # it has the very data elements of its source


def reference(header: Dataset) -> Dataset:
    """An item that refers to an instance (PS3.3 10.8)."""
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return item


def referenced_series(headers: Sequence[Dataset]) -> Dataset:
    """An item of the Referenced Series Sequence (PS3.3 C.12.2): instances of one series."""
    item = Dataset()
    item.SeriesInstanceUID = headers[0].SeriesInstanceUID
    item.ReferencedInstanceSequence = [reference(header) for header in headers]
    return item


def encapsulated(
    made: Dataset,
    document: bytes,
    media_type: str,
    title: str,
    concept: CodedConcept | None,
    sources: Iterable[SourceSeries],
) -> Dataset:
    """Put a file into an object (PS3.3 C.24.2), with the images that it was made of; `concept` is what it is."""
    made.BurnedInAnnotation = "NO"
    made.DocumentTitle = title
    made.ConceptNameCodeSequence = [deepcopy(concept)] if concept else []
    made.AcquisitionDateTime = None
    made.MIMETypeOfEncapsulatedDocument = media_type
    made.EncapsulatedDocumentLength = len(document)
    made.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    images = {str(header.SOPInstanceUID): header for one in sources for header in one.headers}
    made.SourceInstanceSequence = [reference(header) for header in images.values()]
    return made
