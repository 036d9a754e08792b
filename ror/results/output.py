"""Read what a program wrote to /output, and hold it against its manifest. All faults are told at once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from containers import Manifest, MaskOutput
from ror.results.errors import OutputError, OutputFault
from ror.results.labels import SUFFIXES, BadMask, read_fractions, read_labels
from ror.results.measurements import NAME, check_rows, check_sizes, read_rows
from ror.results.meshes import read_meshes
from ror.results.model import KeptFile, LabelMap, Outputs, ResultJob, Row
from ror.results.stl import Mesh

__all__ = ["read_outputs"]

LOG_FOLDER = "log"
MASK_FOLDER = "mask"
MAX_FILES = 20_000


def read_outputs(output_dir: Path, manifest: Manifest, job: ResultJob) -> Outputs:
    """Read and check the outputs of one run.

    An older package announces nothing: its measurements and files are taken as they are, its masks as data
    without codes. What could harm others is refused from it too: links out of the folder, numbers or DICOM
    objects of another patient.

    Raises
    ------
    OutputError
        With every fault found.
    """
    faults: list[OutputFault] = []
    found = _files_below(output_dir, faults)
    masks = tuple(_read_masks(manifest, job, found, faults))
    measured = found.pop(NAME, None)
    rows = read_rows(measured, job.patient_ids, faults, manifest.announced) if measured else ()
    if manifest.announced:
        rows = _announced_rows(rows, manifest, masks, measured is not None, faults)
    dicom = [found.pop(name) for name in sorted(found) if name.lower().endswith(".dcm")]
    for path in dicom:
        _check_dicom(path, output_dir, job, faults)
    kept = tuple(_kept_files(output_dir, manifest, found, faults))
    meshes = list(read_meshes(kept, job))
    faults += [one for one in meshes if isinstance(one, OutputFault)]
    if faults:
        raise OutputError(tuple(faults))
    wanted = manifest.outputs
    return Outputs(
        rows,
        masks,
        tuple(dicom),
        kept,
        tuple(one for one in meshes if isinstance(one, Mesh)),
        wanted.captures,
        wanted.report,
    )


def _files_below(output_dir: Path, faults: list[OutputFault]) -> dict[str, Path]:
    """Regular files by relative name, without the log; special files and links out of it are faults."""
    root = output_dir.resolve()
    found: dict[str, Path] = {}

    def unreadable(error: OSError) -> None:
        faults.append(
            OutputFault(os.path.relpath(error.filename, output_dir), f"cannot be read: {error.strerror}")
        )

    for folder, folders, names in os.walk(output_dir, onerror=unreadable, followlinks=False):
        for name in sorted([*names, *(d for d in folders if (Path(folder) / d).is_symlink())]):
            path = Path(folder) / name
            relative = path.relative_to(output_dir).as_posix()
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                faults.append(OutputFault(relative, "is a link out of the output folder"))
            elif not path.exists() or not stat.S_ISREG(path.stat().st_mode):
                faults.append(OutputFault(relative, "is not a regular file"))
            elif relative.split("/")[0] != LOG_FOLDER:
                found[relative] = path
    if len(found) > MAX_FILES:
        raise OutputError((OutputFault(".", f"has {len(found)} files; at most {MAX_FILES} are taken"),))
    return found


def _read_masks(
    manifest: Manifest, job: ResultJob, found: dict[str, Path], faults: list[OutputFault]
) -> Iterator[LabelMap]:
    """Read the announced masks, taking their files out of `found`."""
    for announced in manifest.outputs.masks:
        names = [name for suffix in SUFFIXES if (name := f"{MASK_FOLDER}/{announced.name}{suffix}") in found]
        paths = [found.pop(name) for name in names]
        place = names[0] if names else f"{MASK_FOLDER}/{announced.name}"
        if len(paths) != 1:
            problem = f"is there more than once: {', '.join(names)}" if paths else "is announced but missing"
            faults.append(OutputFault(place, problem))
            continue
        try:
            yield _read_mask(paths[0], announced, job)
        except BadMask as error:
            faults.append(OutputFault(place, str(error)))


def _read_mask(path: Path, announced: MaskOutput, job: ResultJob) -> LabelMap:
    series = job.series_named(announced.on)
    if series is None:
        raise BadMask(f"lies on the series {announced.on!r}, which this job does not have")
    if series.grid is None:
        raise BadMask(f"lies on the series {announced.on!r}, which is no volume: {series.geometry_fault}")
    if announced.encoding == "fractional":
        return LabelMap.of_fractions(announced, read_fractions(path, series.grid))
    mask = LabelMap.of(announced, read_labels(path, series.grid))
    segments = {segment.value: segment.label for segment in announced.segments}
    unknown = sorted(mask.present - segments.keys())
    if unknown:
        known = ", ".join(f"{value} {label}" for value, label in segments.items())
        raise BadMask(f"holds the labels {unknown}, which are no segments of it ({known})")
    return mask


def _announced_rows(
    rows: tuple[Row, ...],
    manifest: Manifest,
    masks: tuple[LabelMap, ...],
    written: bool,
    faults: list[OutputFault],
) -> tuple[Row, ...]:
    if not written:
        wanted = ", ".join(measurement.field for measurement in manifest.outputs.measurements)
        if wanted:
            faults.append(OutputFault(NAME, f"is missing; announced are {wanted}"))
        return ()
    absent = frozenset(
        f"{mask.announced.name}/{segment.value}"
        for mask in masks
        for segment in mask.announced.segments
        if segment.value not in mask.present
    )
    checked = list(check_rows(rows, manifest, absent))
    nothing = {
        f"{mask.announced.name}/{segment.value}": segment.label
        for mask in masks
        for segment in mask.announced.segments
        if not mask.holds(segment.value)
    }
    checked += check_sizes([one for one in checked if isinstance(one, Row)], nothing)
    # Where the file itself is unreadable, that is the fault; its measurements are not missing one by one.
    if not any(fault.path == NAME for fault in faults):
        faults += [one for one in checked if isinstance(one, OutputFault)]
    return tuple(one for one in checked if isinstance(one, Row))


def _check_dicom(path: Path, output_dir: Path, job: ResultJob, faults: list[OutputFault]) -> None:
    place = path.relative_to(output_dir).as_posix()
    try:
        header = dcmread(path, stop_before_pixels=True)
    except (OSError, InvalidDicomError, EOFError) as error:
        faults.append(OutputFault(place, f"is no readable DICOM file: {error}"))
        return
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        if not header.get(keyword):
            faults.append(OutputFault(place, f"has no {keyword}"))
    if header.get("StudyInstanceUID") not in job.study_instance_uids:
        faults.append(OutputFault(place, "belongs to a study that is not of this job"))
    if str(header.get("PatientID") or "") not in job.patient_ids:
        faults.append(OutputFault(place, "belongs to a patient who is not of this job"))


def _kept_files(
    output_dir: Path, manifest: Manifest, found: dict[str, Path], faults: list[OutputFault]
) -> Iterator[KeptFile]:
    if not manifest.announced:
        yield from (KeptFile(found[name], name) for name in sorted(found))
        return
    for announced in manifest.outputs.files:
        matching = {path.relative_to(output_dir).as_posix() for path in output_dir.glob(announced.pattern)}
        yield from (KeptFile(found.pop(name), name, announced) for name in sorted(matching & found.keys()))
    for name in sorted(found)[:20]:
        faults.append(
            OutputFault(name, "is not announced in workflow.toml ([[outputs.files]], a mask or log/)")
        )
    if len(found) > 20:
        faults.append(OutputFault(".", f"and {len(found) - 20} further files that are not announced"))
