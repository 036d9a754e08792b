"""One image again without what is to go: the same plane and headers, a new identity, and what was done to it."""

import uuid
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from head import rescale
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes

__all__ = ["Derivation", "derived"]

_CLEANED = codes.DCM.CleanRecognizableVisualFeaturesOption  # 113102, PS3.16 CID 7050
# They say or show what was there before.
_STALE = (
    "IconImageSequence",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "DataSetTrailingPadding",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
)
_LONGEST_LO = 64


@dataclass(frozen=True, slots=True)
class Derivation:
    """What all images of a run share.

    Attributes
    ----------
    job_id
        Made of the workflow's package and the images; new UIDs derive from it, so that a rerun makes the same ones, and
        the job of a grown series, which replaces what this one has made, others.
    version
        Of this workflow.
    """

    job_id: str
    version: str
    buffer_mm: float

    def uid(self, old: str) -> str:
        """A UID below ``2.25`` (PS3.5 B.2) in place of an old one."""
        digest = sha256(f"{self.job_id}\0{old}".encode()).digest()
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def derived(image: Dataset, removed: NDArray[np.bool_], derivation: Derivation) -> Dataset:
    """Return a new image; `removed` has shape (rows, columns), and `image` stays as it is."""
    made = deepcopy(image)
    _set_pixels(made, removed)
    _remove_stale(made)
    _name_source(made, image)
    _say_what_was_done(made, derivation)
    made.SeriesInstanceUID = derivation.uid(image.SeriesInstanceUID)
    made.SOPInstanceUID = derivation.uid(image.SOPInstanceUID)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def _set_pixels(made: Dataset, removed: NDArray[np.bool_]) -> None:
    pixels = made.pixel_array.copy()
    slope, intercept = rescale(made)
    limits = np.iinfo(pixels.dtype)
    pixels[removed] = int(np.clip(round(-intercept / slope), limits.min, limits.max))
    if made.file_meta.TransferSyntaxUID.is_compressed:
        made.decompress(generate_instance_uid=False)
    order = "<" if made.file_meta.TransferSyntaxUID.is_little_endian else ">"
    stored = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    made.PixelData = stored + b"\0" * (len(stored) % 2)


def _remove_stale(made: Dataset) -> None:
    for keyword in _STALE:
        if keyword in made:
            del made[keyword]
    for tag in [tag for tag in made.keys() if 0x6000 <= tag.group <= 0x60FF]:  # noqa: SIM118  (overlays)
        del made[tag]


def _name_source(made: Dataset, image: Dataset) -> None:
    source = Dataset()
    source.ReferencedSOPClassUID = image.SOPClassUID
    source.ReferencedSOPInstanceUID = image.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = [_item(codes.DCM.SourceImageForImageProcessingOperation)]
    made.SourceImageSequence = Sequence([source])
    made.ImageType = ["DERIVED", *list(made.get("ImageType") or ["", "PRIMARY"])[1:]]


def _say_what_was_done(made: Dataset, derivation: Derivation) -> None:
    told = (
        f"Face removed by deface {derivation.version}: all below the plane of quickshear 1.2.0, "
        f"{derivation.buffer_mm:g} mm under the brain as found by deepbet 1.0.2, is without signal"
    )
    made.DerivationDescription = "; ".join(filter(None, [made.get("DerivationDescription"), told]))
    _append(made, "DerivationCodeSequence", _item(codes.DCM.PixelByPixelMask))
    made.SeriesDescription = f"{str(made.get('SeriesDescription') or '')[: _LONGEST_LO - 8]} defaced".strip()
    made.RecognizableVisualFeatures = "NO"
    methods = made.get("DeidentificationMethod") or []
    methods = [methods] if isinstance(methods, str) else list(methods)
    made.DeidentificationMethod = [*methods, f"face removed by deface {derivation.version}"]
    _append(made, "DeidentificationMethodCodeSequence", _item(_CLEANED))
    _append(made, "ContributingEquipmentSequence", _equipment(derivation.version, told))


def _equipment(version: str, told: str) -> Dataset:
    """PS3.3 C.12.1.1.5."""
    equipment = Dataset()
    equipment.Manufacturer = "ror"
    equipment.ManufacturerModelName = "deface"
    equipment.SoftwareVersions = version
    equipment.ContributionDescription = told
    equipment.PurposeOfReferenceCodeSequence = [_item(codes.DCM.DeIdentifyingEquipment)]
    return equipment


def _item(code: object) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        code.value,
        code.scheme_designator,
        code.meaning,
    )
    return item


def _append(made: Dataset, keyword: str, item: Dataset) -> None:
    setattr(made, keyword, Sequence([*(made.get(keyword) or []), item]))
