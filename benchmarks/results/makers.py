"""Who makes a segmentation of a mask and a series on disk: ours, plain highdicom, and dcmqi's program."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import highdicom as hd
import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from benchmarks.environment import environment_with
from benchmarks.results.cases import Case, Made
from ror.results import Outputs, ResultJob, encode, read_outputs, validate, write

__all__ = ["DCMQI", "DCMQI_PINNED", "HIGHDICOM", "OURS", "from_files", "from_memory", "ours"]

OURS, HIGHDICOM, DCMQI = "ours", "highdicom", "dcmqi"
DCMQI_PINNED: Final = "dcmqi==1.5.7"


def from_files(case: Case, made: Made) -> dict[str, Callable[[], Sequence[Path]]]:
    """Those that are here, from a mask and a series on disk to the file that each names."""
    found: dict[str, Callable[[], Sequence[Path]]] = {
        OURS: partial(ours, case, made),
        HIGHDICOM: lambda: _highdicom(case, made, *_loaded(made)),
    }
    programs = environment_with(DCMQI_PINNED)
    if programs is not None:
        found[DCMQI] = partial(_dcmqi, programs / "itkimage2segimage", case, made)
    return found


def from_memory(case: Case, made: Made) -> dict[str, Callable[[], Sequence[Path]]]:
    """The same of headers and a mask that are read: what dcmqi cannot do."""
    job = case.job(made)
    outputs = read_outputs(made.output, case.manifest(), job)
    images, labels = _loaded(made)
    return {
        OURS: lambda: _encoded(outputs, job, made),
        HIGHDICOM: lambda: _highdicom(case, made, images, labels),
    }


def ours(case: Case, made: Made) -> Sequence[Path]:
    """The whole way of a job: read, checked, encoded, held against its sources, and durable on disk."""
    job = case.job(made)
    return _encoded(read_outputs(made.output, case.manifest(), job), job, made)


def _encoded(outputs: Outputs, job: ResultJob, made: Made) -> Sequence[Path]:
    objects = encode(outputs, job)
    validate(objects, job)
    return write(objects, made.folder / "ours")


def _loaded(made: Made) -> tuple[list[Dataset], NDArray[np.uint8]]:
    """Headers alone, which is best for highdicom, and a mask of which nothing is checked."""
    images = [dcmread(path, stop_before_pixels=True) for path in made.images.iterdir()]
    images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
    return images, np.ascontiguousarray(np.asarray(nibabel.load(made.mask).dataobj).transpose(2, 1, 0))


def _highdicom(
    case: Case, made: Made, images: Sequence[Dataset], labels: NDArray[np.uint8]
) -> Sequence[Path]:
    """As its user guide has it."""
    tissue = hd.sr.CodedConcept("85756007", "SCT", "Tissue")
    intelligence = hd.sr.CodedConcept("123110", "DCM", "Artificial Intelligence")
    algorithm = hd.AlgorithmIdentificationSequence("bench", intelligence, "1")
    described = [
        hd.seg.SegmentDescription(value, f"Organ {value}", tissue, tissue, "AUTOMATIC", algorithm)
        for value in range(1, case.segments + 1)
    ]
    segmentation = hd.seg.Segmentation(
        source_images=images,
        pixel_array=labels,
        segmentation_type=case.encoding.upper(),
        segment_descriptions=described,
        series_instance_uid=hd.UID(),
        series_number=300,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="bench",
        manufacturer_model_name="bench",
        software_versions="1",
        device_serial_number="1",
    )
    path = made.folder / "highdicom.dcm"
    segmentation.save_as(path)
    return [path]


def _dcmqi(program: Path, case: Case, made: Made) -> Sequence[Path]:
    path = made.folder / "dcmqi.dcm"
    words: list[str | Path] = [
        program,
        *("--inputImageList", made.mask, "--inputDICOMDirectory", made.images),
        *("--inputMetadata", made.metadata, "--outputDICOM", path, "--skip", "1"),
        *("--segmentationType", case.encoding),
    ]
    subprocess.run(words, check=True, capture_output=True)
    return [path]
