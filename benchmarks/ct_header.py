"""What a scanner writes about a CT slice beside who it is of: technique, references, codes, private blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

__all__ = ["TECHNIQUE", "add_private_blocks", "add_references"]

TECHNIQUE: Final = {
    "KVP": "120", "ScanOptions": "HELICAL MODE", "ConvolutionKernel": "STANDARD", "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "360", "DistanceSourceToDetector": "949", "DistanceSourceToPatient": "541",
    "GantryDetectorTilt": "0", "TableHeight": "154.5", "RotationDirection": "CW", "ExposureTime": "700",
    "XRayTubeCurrent": "380", "Exposure": "12", "FilterType": "BODY FILTER", "GeneratorPower": "53200",
    "FocalSpots": "1.2", "SpiralPitchFactor": 0.984, "SingleCollimationWidth": 0.625, "TotalCollimationWidth": 40.0,
    "TableSpeed": 56.25, "TableFeedPerRotation": 39.375, "RevolutionTime": 0.7, "CTDIvol": 11.2,
    "ExposureModulationType": "XYZ_EC", "EstimatedDoseSaving": 20.0, "ContrastBolusAgent": "IOHEXOL",
    "ContrastBolusRoute": "IV", "ContrastBolusVolume": "100", "ContrastFlowRate": "3", "PatientWeight": "71",
    "PatientSize": "1.75", "SmallestImagePixelValue": 0, "LargestImagePixelValue": 3071, "RescaleType": "HU",
    "LossyImageCompression": "00", "BurnedInAnnotation": "NO", "PresentationLUTShape": "IDENTITY",
    "ImagesInAcquisition": "200", "WindowCenterWidthExplanation": "LUNG", "QualityControlImage": "NO",
    "ReconstructionTargetCenterPatient": [0.0, -12.5, 40.0], "DataCollectionCenterPatient": [0.0, 0.0, 40.0],
    "PerformedProcedureStepStartDate": "20150612", "PerformedProcedureStepStartTime": "101400",
    "PerformedProcedureStepEndDate": "20150612", "PerformedProcedureStepEndTime": "101900",
    "DateOfLastCalibration": "20150601", "TimeOfLastCalibration": "060000", "LongitudinalTemporalInformationModified":
    "UNMODIFIED", "AcquisitionType": "SPIRAL", "CardiacNumberOfImages": "1", "TriggerWindow": "0",
}  # fmt: skip
_CT, _STUDY_COMPONENT, _STEP = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.3.1.2.3.1",
    "1.2.840.10008.3.1.2.3.3",
)
_CODES: Final = {
    "ProcedureCodeSequence": ("CTTHOR", "99LOCAL", "CT thorax with contrast"),
    "PerformedProtocolCodeSequence": ("5.4", "99LOCAL", "Chest routine, portal venous phase"),
    "AnatomicRegionSequence": ("51185008", "SCT", "Chest"),
    "ContrastBolusAgentSequence": ("109218000", "SCT", "Iohexol"),
    "CTDIPhantomTypeCodeSequence": ("113691", "DCM", "IEC Body Dosimetry Phantom"),
}
# Made in the likeness of a scanner's: a creator, and values of all sorts below it.
_PRIVATE: Final[Mapping[tuple[int, str], list[tuple[str, object]]]] = {
    (0x0009, "MAKER_IDEN_01"): [("LO", "MAKER_GENESIS_FF"), ("SH", "CT01"), ("SH", "LIGHT 64")],
    (0x0019, "MAKER_ACQU_01"): [
        ("DS", "386.4"), ("DS", "949.075"), ("SL", 984), ("DS", "1.0"), ("SH", "I"), ("SS", [1, 0, 2, 64]),
        ("DS", "888.0"), ("OB", bytes(range(256)) * 4),
    ],
    (0x0043, "MAKER_PARM_01"): [
        ("SS", 64), ("DS", [f"{number}.25" for number in range(24)]), ("US", [3, 4, 5]), ("LO", "CHEST 5.4 W/CONTRAST"),
        ("FL", 0.984), ("UT", "reconstruction chain 7; table in; portal phase at 70 s; " * 6),
    ],
}  # fmt: skip


def add_references(header: Dataset, root: str) -> None:
    """Add sequences that refer to other objects, whose UIDs begin with `root`, and those that hold codes."""
    header.ReferencedStudySequence = _references(_STUDY_COMPONENT, f"{root}1")
    header.ReferencedPerformedProcedureStepSequence = _references(_STEP, f"{root}2")
    header.ReferencedImageSequence = _references(_CT, f"{root}3", f"{root}4")
    header.SourceImageSequence = _references(_CT, f"{root}5")
    for keyword, (value, scheme, meaning) in _CODES.items():
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
        setattr(header, keyword, Sequence([code]))


def add_private_blocks(header: Dataset, instance: str) -> None:
    """Add private blocks as a scanner's; one element of each names the `instance`."""
    for (group, creator), values in _PRIVATE.items():
        block = header.private_block(group, creator, create=True)
        block.add_new(0x01, "LO", f"{creator} {instance}")
        for number, (vr, value) in enumerate(values, start=2):
            block.add_new(number, vr, value)


def _references(sop_class: str, *uids: str) -> Sequence:
    items = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        items.append(item)
    return Sequence(items)
