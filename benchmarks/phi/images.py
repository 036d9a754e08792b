"""Images: CT in several encodings, MR with private blocks and deep sequences, enhanced MR, an archive's UN."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Final

from pydicom import Dataset, dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, MRImageStorage

from benchmarks.phi.builder import Builder
from benchmarks.phi.common import Study, coded, pixels
from benchmarks.phi.folding import folded
from benchmarks.phi.implant import Category, Planted

__all__ = ["archived_ct", "ct", "enhanced_mr", "local_ct", "misdeclared_ct", "mr", "stubborn_ct"]

LOCAL_CODE: Final = "meaning of a local code"
_SEQUENCES: Final = (0x00081140, 0x00189997, 0x00091033)
_TEXTS: Final = (0x00081048, 0x00402010, 0x00102000)


def ct(study: Study, syntax: str, name: str) -> Planted:
    """A CT slice with overlays, a curve, an icon, group lengths, private groups and trailing padding."""
    b = study.builder(name, CTImageStorage, "CT", study.charset)
    word = study.draw.word
    b.put("FrameOfReferenceUID", study.frame, Category.UID)
    b.keep("KVP", "120")
    b.keep("ConvolutionKernel", "B30f")
    b.keep("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"])
    b.keep("ImagePositionPatient", [-12.5, 3.25, 100])
    b.keep("ImageOrientationPatient", [1, 0, 0, 0, 1, 0])
    b.keep("PixelSpacing", [0.7, 0.7])
    b.keep("RescaleIntercept", -1024)
    pixels(b)
    for tag, vr in ((0x60003000, "OW"), (0x50003000, "OW"), (0x601E3000, "OB")):
        said = word("Gra")
        b.put((tag, vr), (said * 2).encode(), Category.NAME, said, place="overlay or curve")
    for tag in (0x60000022, 0x60004000, 0x50002500):
        b.put((tag, "LO"), word("Gra"), Category.REMARK, place="overlay or curve")
    icon = Dataset()
    icon.Rows, icon.Columns = 2, 6
    said = word("Ico")
    b.put((0x7FE00010, "OB"), said.encode(), Category.NAME, said, inside=icon, place="icon image")
    b.dataset.IconImageSequence = Sequence([icon])
    said = word("Pad")
    b.put((0xFFFCFFFC, "OB"), said.encode(), Category.REMARK, said, place="trailing padding")
    b.put((0x00189998, "UN"), (said := word("Unk")).encode(), Category.REMARK, said, place="UN")
    _private(b, b.dataset, 0x0009)
    _codes(b)
    return b.finish(syntax)


def _codes(b: Builder) -> None:
    """A code of the standard, which must stay."""
    region = coded("12738006", "SCT", "Brain")
    b.dataset.AnatomicRegionSequence = [region]
    b.keep("CodeMeaning", "Brain", region)


def local_ct(study: Study, syntax: str, name: str) -> Planted:
    """A slice with a code of a hospital's own scheme, whose meaning says more than what was done."""
    b = study.builder(name, CTImageStorage, "CT", study.charset)
    pixels(b)
    for scheme in ("99HOSP", "L", ""):
        item, day, phone = coded("L1", scheme, ""), b.draw.day(), b.draw.phone()
        meaning = f"CT {day:%d.%m.%Y} {phone}"
        for category, pattern in ((Category.DATE, f"{day:%d.%m.%Y}"), (Category.PHONE, phone)):
            b.put("CodeMeaning", meaning, category, pattern, inside=item, place=LOCAL_CODE)
        b.dataset.setdefault("AnatomicRegionSequence", Sequence()).value.append(item)
    return b.finish(syntax)


def misdeclared_ct(study: Study, syntax: str, name: str) -> Planted:
    """A slice in UTF-8 that says it is in Latin, with the name in plain letters in a description."""
    b = study.builder(name, CTImageStorage, "CT", "ISO_IR 192")
    pixels(b)
    plain = folded(study.person.family).upper()
    b.put("SequenceName", f"T2 {plain}", Category.NAME, plain)
    one = b.finish(syntax)
    return replace(one, data=one.data.replace(b"ISO_IR 192", b"ISO_IR 100"))


def stubborn_ct(study: Study, syntax: str, name: str) -> Planted:
    """A slice with the patient's name in an attribute that nothing removes: it must be refused."""
    b = study.builder(name, CTImageStorage, "CT", study.charset)
    b.put("ScanOptions", f"FOR {study.person.family.upper()}", Category.NAME, study.person.family)
    pixels(b)
    return b.finish(syntax)


def mr(study: Study, syntax: str, name: str) -> Planted:
    """An MR slice: private text inside OB, private sequences, and public ones four deep, of undefined length."""
    b = study.builder(name, MRImageStorage, "MR", study.charset)
    b.put("FrameOfReferenceUID", study.frame, Category.UID)
    b.keep("EchoTime", "2.52")
    b.keep("RepetitionTime", "1900")
    b.keep("SequenceName", "*tfl3d1_16ns")
    b.keep("MagneticFieldStrength", "3")
    pixels(b)
    _private(b, b.dataset, 0x0029)
    _deep(b)
    return b.finish(syntax)


def _deep(b: Builder) -> None:
    inner = Dataset()
    word = b.draw.word
    b.put("PersonName", b.draw.name(), Category.STAFF, inside=inner, place="four sequences deep")
    b.put("TextString", word("Txt"), Category.REMARK, inside=inner, place="four sequences deep")
    b.put("PatientID", b.draw.number("N", 7), Category.ID, inside=inner, place="four sequences deep")
    inner.ReferencedSOPClassUID = MRImageStorage
    b.uid("ReferencedSOPInstanceUID", inner)
    _private(b, inner, 0x0011)
    for keyword in (
        "PurposeOfReferenceCodeSequence",
        "ReferencedInstanceSequence",
        "DerivationImageSequence",
    ):
        outer = Dataset()
        setattr(outer, keyword, Sequence([inner]))
        outer[keyword].value.is_undefined_length = True
        outer[keyword].is_undefined_length = True
        b.put("InstitutionName", b.draw.word("Ins"), Category.INSTITUTION, inside=outer)
        b.text("SeriesDescription", outer)
        b.day("ContentDate", outer)
        inner = outer
    b.dataset.SharedFunctionalGroupsSequence = Sequence([inner])
    b.dataset["SharedFunctionalGroupsSequence"].is_undefined_length = True


def enhanced_mr(study: Study, syntax: str, name: str) -> Planted:
    """An enhanced MR of three frames, with identity in its functional groups."""
    b = study.builder(name, EnhancedMRImageStorage, "MR", "ISO_IR 192")
    groups = []
    for number in range(3):
        group, content, timing, place = Dataset(), Dataset(), Dataset(), Dataset()
        b.day("FrameAcquisitionDateTime", content, time="033000.25")
        b.put("FrameComments", b.draw.word("Frm"), Category.REMARK, inside=content)
        b.keep("InStackPositionNumber", number + 1, content)
        b.keep("EffectiveEchoTime", 30.5, timing)
        b.keep("ImagePositionPatient", [0, 0, 2.5 * number], place)
        group.FrameContentSequence, group.MREchoSequence = [content], [timing]
        group.PlanePositionSequence = [place]
        groups.append(group)
    b.dataset.PerFrameFunctionalGroupsSequence = groups
    pixels(b, frames=3)
    return b.finish(syntax)


def archived_ct(study: Study, syntax: str, name: str) -> Planted:
    """A slice from an archive that knew few attributes: public ones as UN, and sequences inside UN."""
    b = study.builder(name, CTImageStorage, "CT", "ISO_IR 192")
    pixels(b)
    item = Dataset()
    said, uid = b.draw.name(), b.draw.uid()
    item.PersonName, item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = said, CTImageStorage, uid
    dcmwrite(inside := BytesIO(), _wrapped(item), implicit_vr=True, little_endian=True)
    # Without its head of eight bytes, in implicit VR, a sequence is what UN of a defined length holds.
    for tag in _SEQUENCES:
        b.dataset.add_new(tag, "OB", inside.getvalue()[8:])
    b.outside("UN", said, Category.STAFF)
    b.outside("UN", uid, Category.UID)
    for tag, value in zip(_TEXTS, (b.draw.name(), b.draw.phone(), b.draw.word("Un")), strict=True):
        raw = value.encode()
        b.put((tag, "OB"), raw + b" " * (len(raw) % 2), Category.REMARK, value, place="UN")
    return _unknown(b.finish(syntax))


def _unknown(one: Planted) -> Planted:
    """With UN in place of OB, which pydicom itself would not write for attributes that it knows."""
    data = one.data
    for tag in (*_SEQUENCES, *_TEXTS):
        head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        data = data.replace(head + b"OB", head + b"UN")
    return replace(one, data=data)


def _wrapped(item: Dataset) -> Dataset:
    outer = Dataset()
    outer.ReferencedImageSequence = [item]
    return outer


def _private(b: Builder, item: Dataset, group: int) -> None:
    """A private block as makers write them: headers as text inside OB, names, UIDs, and a sequence."""
    where = "private attribute"
    creator = b.draw.word("Crea")
    b.put((group << 16 | 0x10, "LO"), creator, Category.DEVICE, inside=item, place=where)
    said, day = b.draw.word("Csa"), b.draw.day()
    text = f"SV10 {b.person.family} {said} {day:%Y%m%d}".encode() + b"\0\1"
    text += b"\0" * (len(text) % 2)
    for pattern, category in (
        (b.person.family, Category.NAME),
        (said, Category.REMARK),
        (f"{day:%Y%m%d}", Category.DATE),
    ):
        b.put((group << 16 | 0x1010, "OB"), text, category, pattern, inside=item, place=where)
    b.put((group << 16 | 0x1011, "PN"), b.draw.name(), Category.STAFF, inside=item, place=where)
    b.put((group << 16 | 0x1012, "UI"), b.draw.uid(), Category.UID, inside=item, place=where)
    wide = b.draw.word("Wide")
    b.put(
        (group << 16 | 0x1013, "OB"),
        wide.encode("utf-16-le"),
        Category.REMARK,
        wide,
        inside=item,
        place=where,
    )
    inner = Dataset()
    b.put("PatientID", b.draw.number("Z", 7), Category.ID, inside=inner, place=where)
    item.add_new(group << 16 | 0x1014, "SQ", Sequence([inner]))
