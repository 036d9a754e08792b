"""The page of a job as Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from ror.results.equipment import RESEARCH_USE, short_digest, stamp
from ror.results.letters import FOOTNOTE, any_spelled, legible
from ror.results.model import LabelMap, Outputs, ResultJob, SourceSeries
from ror.results.objects import encapsulated, new_object
from ror.results.page import Page, draw_page
from ror.results.pictures import CannotDraw
from ror.results.planes import PlaneView, three_planes
from ror.results.superseded import predecessor_documents

__all__ = ["encode_pdf", "page_of"]

SERIES_NUMBER = 9200
TITLE = CodedConcept("126000", "DCM", "Imaging Measurement Report")
# Results that are accepted as they were made are not made again, so what is said of them must stay true.
AS_MADE = f"{RESEARCH_USE}. Computed without a person; nobody had reviewed it when this page was made."
CORRECTED = f"{RESEARCH_USE}. Computed, then corrected by a reader as told above, and accepted in review."
LIMITS = (
    "Outlines run along the edges of voxels. The pictures are reduced in size and grey levels: look at the images.",
    "The structured report and the segmentation of the same job are what counts where this page differs from them.",
)


def encode_pdf(outputs: Outputs, job: ResultJob, left_out: Callable[[str], None]) -> Dataset:
    """Say on one page what ran, on what, and what it found, with three planes of the first mask that holds something.

    No attribute of the patient is on it, so that it stays true when the object is given back its identity.

    Parameters
    ----------
    left_out
        Told why there are no pictures.
    """
    planes, shown = _planes(outputs, job, left_out)
    page = page_of(outputs, job, shown)
    made = new_object(job, job.series[0], EncapsulatedPDFStorage, "DOC", SERIES_NUMBER, "pdf")
    made.ConversionType = "WSD"
    encapsulated(made, draw_page(page, planes), "application/pdf", page.title, TITLE, job.series)
    if earlier := predecessor_documents(job.supersedes, "pdf"):
        made.PredecessorDocumentsSequence = earlier
    return stamp(made, job, f"{job.workflow} report (research use)")


def page_of(outputs: Outputs, job: ResultJob, shown: LabelMap | None) -> Page:
    """The words of the page; `shown` is the mask on its pictures."""
    facts, found = list(_facts(outputs, job)), list(_found(outputs))
    segments = [one for one in shown.announced.segments if one.value in shown.present] if shown else []
    words = [word for line in (*facts, *found) for word in line]
    words += [legible(one.label, one.type.meaning) for one in segments]
    told = CORRECTED if any(mask.corrected is not None for mask in outputs.masks) else AS_MADE
    limits = (told, *LIMITS)
    return Page(
        title=f"{job.workflow} {job.version}",
        warning=RESEARCH_USE,
        facts=facts,
        found=found,
        segments=segments,
        limits=(*limits, FOOTNOTE) if any_spelled(words) else limits,
    )


def _planes(
    outputs: Outputs, job: ResultJob, left_out: Callable[[str], None]
) -> tuple[list[PlaneView], LabelMap | None]:
    mask = next((one for one in outputs.masks if not one.empty), None)
    source = job.series_named(mask.announced.on) if mask else None
    if mask is None or source is None:
        return [], None
    try:
        return list(three_planes(mask, source)), mask
    except CannotDraw as reason:
        left_out(f"no pictures in the report: {reason}")
        return [], None


def _facts(outputs: Outputs, job: ResultJob) -> Iterator[tuple[str, str]]:
    yield "Workflow", f"{job.workflow} {job.version}"
    yield "Package, image", f"{short_digest(job.package_digest)}, {short_digest(job.image_digest)}"
    yield "Job", job.job_id
    if job.supersedes:
        yield "Supersedes", ", ".join(f"{one.version} (job {one.job_id})" for one in job.supersedes)
    yield "Finished", job.finished_at.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()
    for mask in outputs.masks:
        if mask.corrected is not None:
            when = mask.corrected.at.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()
            yield "Corrected", f"the mask {mask.announced.name}, by a reader, {when}"
    for series in job.series:
        yield legible(f"Series {series.name}"), _series(series)


def _series(series: SourceSeries) -> str:
    told = f"{series.headers[0].get('Modality', '')}, {len(series.headers)} images"
    if series.grid is None:
        return told
    slices, rows, columns = series.grid.shape
    voxel = " × ".join(f"{size:.4g}" for size in series.grid.spacing_mm[::-1])
    return f"{told}, {columns} × {rows} × {slices} voxels of {voxel} mm"


def _found(outputs: Outputs) -> Iterator[tuple[str, str, str]]:
    labels = {
        f"{mask.announced.name}/{segment.value}": legible(segment.label, segment.type.meaning)
        for mask in outputs.masks
        for segment in mask.announced.segments
    }
    for row in outputs.rows:
        if row.announced is not None:
            of = labels.get(row.announced.segment or "", "")
            what = legible(row.announced.label, row.announced.code.meaning)
            yield what, f"{_number(row.value)} {row.announced.unit.value}", of
    measured_as_0 = {
        row.announced.segment
        for row in outputs.rows
        if row.announced is not None and row.announced.is_extent and row.value == 0
    }
    for mask in outputs.masks:
        for segment in mask.announced.segments:
            place = f"{mask.announced.name}/{segment.value}"
            if segment.value not in mask.present and place not in measured_as_0:
                label = labels[place]
                yield f"{mask.announced.name}: {label}", "nothing found", ""


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
