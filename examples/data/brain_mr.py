"""A four-sequence brain MR study on the ICBM 2009 template, with a lesion of known volume.

Template (T1, grey and white matter at 1 mm, skull-stripped) from the nilearn wheel (BSD-3). Each sequence
mixes a table of tissue intensities by the tissue shares of a voxel, then multiplies a bias field and adds
Rician noise.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.fetch import ICBM_GM, ICBM_T1, ICBM_WM, fetch
from examples.data.identity import PlantedIdentity
from examples.data.lesion import LESION_LABELS, lesion_labels, smooth_noise
from examples.data.study import GeneratedStudy, record_truth
from examples.data.volume import Volume

__all__ = ["INTENSITY", "SEQUENCES", "TISSUES", "bias_field", "make_brain_mr", "series_text"]

Field = NDArray[np.float32]

SEQUENCES = ("T1w", "T2w", "FLAIR", "T1wCE")
TISSUES = ("white", "grey", "fluid", "necrotic_core", "edema", "enhancing")
INTENSITY: dict[str, tuple[float, ...]] = {
    "T1w": (0.85, 0.62, 0.22, 0.32, 0.66, 0.58),
    "T2w": (0.42, 0.56, 1.00, 0.88, 0.80, 0.68),
    "FLAIR": (0.48, 0.60, 0.14, 0.50, 0.96, 0.80),
    "T1wCE": (0.86, 0.65, 0.22, 0.34, 0.67, 1.20),
}
_TECHNIQUE: dict[str, dict[str, object]] = {
    "T1w": {"ScanningSequence": "SE", "RepetitionTime": "600", "EchoTime": "12"},
    "T2w": {"ScanningSequence": "SE", "RepetitionTime": "4200", "EchoTime": "96"},
    "FLAIR": {
        "ScanningSequence": ["SE", "IR"],
        "RepetitionTime": "9000",
        "EchoTime": "90",
        "InversionTime": "2500",
    },
    "T1wCE": {
        "ScanningSequence": "SE",
        "RepetitionTime": "600",
        "EchoTime": "12",
        "ContrastBolusAgent": "gadolinium",
    },
}
_SCALE = 900.0
_NOISE = 0.018
_TEXTURE = 0.02
_BIAS = 0.09


def make_brain_mr(
    out: Path, seed: int = 0, *, step: int = 1, lesion: bool = True, identity: PlantedIdentity | None = None
) -> GeneratedStudy:
    """Write the brain MR study below `out`; SeriesDescription is exactly ``T1w``, ``T2w``, ``FLAIR``,
    ``T1wCE``.

    Parameters
    ----------
    seed
        Chooses lesion, bias, noise, UIDs and the planted identity.
    step
        Voxel edge in millimetres: 1 gives 197 x 233 x 189, 3 a small study for tests.
    lesion
        False: a healthy brain, with an empty truth.

    Raises
    ------
    ImageUnavailable
        The wheel with the template could not be fetched.
    """
    identity = identity or PlantedIdentity.from_seed(seed)
    draw = np.random.default_rng(seed)
    shares, affine = _template(step)
    spacing_mm = float(step)
    truth = np.zeros(shares["white"].shape, np.uint8)
    if lesion:
        truth = lesion_labels(shares["white"], shares["white"] + shares["grey"], spacing_mm, draw)
        shares = _implant(shares, truth, spacing_mm)
    study = StudyText(f"brain-mr {seed} {step} {lesion}", identity, "MR BRAIN")
    series = {}
    for number, name in enumerate(SEQUENCES, start=2):
        voxels = _sequence(shares, INTENSITY[name], draw)
        series[name] = write_series(
            out / "dicom" / name, Volume(voxels, affine), study, series_text(name, number)
        )
    path, volumes = record_truth(out, "tumor", Volume(truth, affine), LESION_LABELS, identity)
    return GeneratedStudy(out, study.study_instance_uid, series, identity, path, volumes)


def series_text(name: str, number: int) -> SeriesText:
    """What the headers of one sequence say."""
    common = {
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "3D",
        "EchoTrainLength": "1",
        "MagneticFieldStrength": "3",
    }
    return SeriesText("MR", number, name, "BRAIN", common | _TECHNIQUE[name])


def _template(step: int) -> tuple[dict[str, Field], NDArray[np.float64]]:
    """Shares of white matter, grey matter and fluid per voxel; where there is no head, all are 0."""
    t1, grey, white = (
        Volume.read(fetch(image)).as_scanned().strided((step, step, step))
        for image in (ICBM_T1, ICBM_GM, ICBM_WM)
    )
    head = ndimage.binary_fill_holes(t1.voxels > 25)
    of_white = np.where(head, white.voxels / np.float32(255), 0)
    of_grey = np.where(head, np.minimum(grey.voxels / np.float32(255), 1 - of_white), 0)
    return {"white": of_white, "grey": of_grey, "fluid": head - of_white - of_grey}, t1.affine_ras


def _implant(shares: Mapping[str, Field], truth: NDArray[np.uint8], spacing_mm: float) -> dict[str, Field]:
    """Replace healthy tissue by lesion, with edges as soft as a scanner's."""
    box = tuple(
        slice(max(0, part.start - 4), part.stop + 4)
        for part in ndimage.find_objects((truth > 0).astype(np.uint8))[0]
    )
    placed = {
        name: shares[name].copy() if name in shares else np.zeros(truth.shape, np.float32) for name in TISSUES
    }
    soft = {
        name: ndimage.gaussian_filter((truth[box] == value).astype(np.float32), 0.5 / spacing_mm)
        for name, value in LESION_LABELS.items()
    }
    healthy = 1 - sum(soft.values())
    for name in TISSUES:
        placed[name][box] = soft[name] if name in soft else placed[name][box] * healthy
    return placed


def _sequence(
    shares: Mapping[str, Field], intensity: tuple[float, ...], draw: np.random.Generator
) -> NDArray[np.uint16]:
    """Mix, shade and add noise; 0 to about 1300."""
    signal = sum(
        value * shares[name] for name, value in zip(TISSUES, intensity, strict=True) if name in shares
    )
    signal = np.asarray(signal, np.float32)
    signal *= 1 + _TEXTURE * smooth_noise(signal.shape, 4.0, draw)
    signal *= bias_field(signal.shape, draw, _BIAS)
    real, imaginary = (_NOISE * draw.standard_normal(signal.shape, np.float32) for _ in range(2))
    return np.rint(_SCALE * np.hypot(signal + real, imaginary)).astype(np.uint16)


def bias_field(shape: tuple[int, ...], draw: np.random.Generator, spread: float) -> Field:
    """Exponential of a random polynomial of degree 3: the coil's shading, about 25 % either way at a spread of 0.09."""
    powers = [
        np.polynomial.legendre.legvander(np.linspace(-1, 1, size), 3).astype(np.float32) for size in shape
    ]
    weights = draw.normal(0, spread, (4, 4, 4)).astype(np.float32)
    degree = np.indices(weights.shape).sum(0)
    weights[(degree > 3) | (degree == 0)] = 0
    return np.exp(np.einsum("xi,yj,zk,ijk->xyz", *powers, weights, optimize=True), dtype=np.float32)
