"""The name is gone from every frame, in every encoding, and the rest of the image is what it was."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from drawn import (
    BANNER,
    COLUMNS,
    ROWS,
    by_dcmtk,
    compressed,
    drawn,
    file_of,
    instance,
    part10,
    read,
    region,
    stack,
    ultrasound,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.pixels import convert_color_space
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from anonymizer import (
    DeidentificationError,
    IdentifiedInstance,
    Profile,
    ProjectKey,
    deidentify,
    pixels,
)
from anonymizer.data_set import DataSet
from anonymizer.wire import Element

RULES = pixels.Rules.shipped()
KEY = ProjectKey(b"a key for these tests only")


def masked(data: bytes) -> Dataset:
    out, masking = pixels.masked(instance(data), RULES)
    assert masking is not None and masking.by == ("regions",)
    assert masking.share == BANNER / ROWS
    return read(out)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_a_compressed_image_loses_its_banner_and_nothing_else(syntax: str, frames: int, colour: bool) -> None:
    before = drawn(frames, colour=colour)
    after = masked(compressed(ultrasound(before), syntax))
    assert after.file_meta.TransferSyntaxUID == syntax
    assert not stack(after)[:, :BANNER].any()
    assert np.array_equal(stack(after)[:, BANNER:], before[:, BANNER:])
    assert "LossyImageCompression" not in after


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16])
def test_native_pixels_of_any_kind_lose_their_banner_and_nothing_else(kind: type) -> None:
    before = drawn(2).astype(kind) * (3 if kind is not np.uint8 else 1)
    after = masked(part10(ultrasound(before)))
    assert len(np.unique(stack(after)[:, :BANNER])) == 1
    assert np.array_equal(stack(after)[:, BANNER:], before[:, BANNER:])


def test_colours_in_planes_and_implicit_vr_are_masked_in_place() -> None:
    before = drawn(2, colour=True)
    planes = ultrasound(before, PlanarConfiguration=1, PixelData=np.moveaxis(before, 3, 1).tobytes())
    after = masked(part10(planes, ImplicitVRLittleEndian))
    assert (after.file_meta.TransferSyntaxUID, after.PlanarConfiguration) == (ImplicitVRLittleEndian, 1)
    assert not stack(after)[:, :BANNER].any()
    assert np.array_equal(stack(after)[:, BANNER:], before[:, BANNER:])


def test_pixels_that_share_their_colour_are_masked_in_pairs() -> None:
    full = convert_color_space(drawn(1, colour=True), "RGB", "YBR_FULL")[0]
    shared = np.stack([full[:, ::2, 0], full[:, 1::2, 0], full[:, ::2, 1], full[:, ::2, 2]], axis=-1)
    dataset = ultrasound(
        drawn(1, colour=True), PhotometricInterpretation="YBR_FULL_422", PixelData=shared.tobytes()
    )
    after = masked(part10(dataset))
    values = np.frombuffer(after.PixelData, np.uint8).reshape(shared.shape)
    assert (values[:BANNER] == [0, 0, 128, 128]).all()
    assert np.array_equal(values[BANNER:], shared[BANNER:])


@pytest.mark.parametrize(
    ("kind", "vr", "stored"), [(np.uint16, "OW", ">u2"), (np.uint8, "OB", "u1"), (np.uint8, "OW", "swapped")]
)
def test_big_endian_pixels_are_masked_in_place(kind: type, vr: str, stored: str) -> None:
    before = drawn(3).astype(kind) * (3 if kind is np.uint16 else 1)
    dataset = ultrasound(before)
    value = before.tobytes()
    dataset.PixelData = (
        before.astype(stored).tobytes()
        if stored != "swapped"
        else np.frombuffer(value, "<u2").byteswap().tobytes()
    )
    dataset["PixelData"].VR = vr
    after = masked(part10(dataset, ExplicitVRBigEndian))
    assert after.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    assert not stack(after)[:, :BANNER].any()
    assert np.array_equal(stack(after)[:, BANNER:], before[:, BANNER:])


def test_an_enhanced_image_is_masked_in_all_frames_each_of_which_is_derived() -> None:
    own = '[[device]]\nname = "a"\nsource = "b"\nwhen = { Modality = "CT" }\nmask = [[0, 0, 128, 24]]'
    dataset = ultrasound(
        drawn(3), SOPClassUID=EnhancedCTImageStorage, Modality="CT", BurnedInAnnotation="YES"
    )
    del dataset.SequenceOfUltrasoundRegions
    groups = []
    for _ in range(3):
        kind, group = Dataset(), Dataset()
        kind.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
        group.CTImageFrameTypeSequence = Sequence([kind])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    out, _ = pixels.masked(instance(part10(dataset)), pixels.Rules.shipped(own))
    after = read(out)
    assert not stack(after)[:, :BANNER].any()
    assert np.array_equal(stack(after)[:, BANNER:], drawn(3)[:, BANNER:])
    types = [list(g.CTImageFrameTypeSequence[0].FrameType) for g in after.PerFrameFunctionalGroupsSequence]
    assert types == [["DERIVED", "PRIMARY", "VOLUME", "NONE"]] * 3


def test_what_is_black_in_an_inverted_image_is_its_highest_value() -> None:
    inverted = ultrasound(drawn(), PhotometricInterpretation="MONOCHROME1")
    assert (stack(masked(part10(inverted)))[:, :BANNER] == 255).all()


def test_an_odd_number_of_bytes_stays_padded_and_what_follows_the_frames_goes() -> None:
    before = drawn()[:, :95, :127]
    dataset = ultrasound(before, PixelData=before.tobytes() + b"\0HIDDEN!!!")
    dataset.SequenceOfUltrasoundRegions = Sequence([region(0, BANNER, 126, 94)])
    out, _ = pixels.masked(instance(part10(dataset)), RULES)
    assert b"HIDDEN" not in file_of(out)
    assert len(read(out).PixelData) == 95 * 127 + 1


@pytest.mark.parametrize(("option", "lossy"), [("+eb", True), ("+e1", False), ("+el", False)])
@pytest.mark.parametrize("colour", [False, True])
def test_jpeg_becomes_lossless_and_says_what_it_lost_before(
    tmp_path: Path, option: str, lossy: bool, colour: bool
) -> None:
    data = by_dcmtk(ultrasound(drawn(2, colour=colour)), tmp_path, option)
    before = dcmread(BytesIO(data))
    if lossy:
        del before.LossyImageCompression  # devices forget to say it
    buffer = BytesIO()
    before.save_as(buffer)
    after = masked(buffer.getvalue())
    assert after.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert after.PhotometricInterpretation == ("YBR_RCT" if colour else "MONOCHROME2")
    assert not stack(after)[:, :BANNER].any()
    # What JPEG took is taken; nothing is taken twice. Only Pillow decodes it here, for others round in other ways.
    before = dcmread(BytesIO(data))
    before.pixel_array_options(decoding_plugin="pillow")
    expected = stack(before) if lossy else drawn(2, colour=colour)
    assert np.array_equal(stack(after)[:, BANNER:], expected[:, BANNER:])
    assert after.get("LossyImageCompression") == ("01" if lossy else None)
    assert after.get("LossyImageCompressionMethod") == ("ISO_10918_1" if lossy else None)
    assert not lossy or float(after.LossyImageCompressionRatio) > 1


def test_the_object_says_that_it_is_derived_and_has_no_text() -> None:
    dataset = ultrasound(drawn(), BurnedInAnnotation="YES", SmallestImagePixelValue=3)
    out, masking = pixels.masked(instance(part10(dataset)), RULES)
    assert masking is not None
    after = read(out)
    assert (after.BurnedInAnnotation, list(after.ImageType)) == ("NO", ["DERIVED", "PRIMARY"])
    assert "SmallestImagePixelValue" not in after
    described = {element.tag: element for element in masking.described(out.elements)}
    assert described[0x00082111].value == b"Burned-in text masked (regions) "


def test_regions_that_an_archive_stored_as_unknown_are_known() -> None:
    dataset = ultrasound(drawn())
    implicit = part10(dataset, ImplicitVRLittleEndian)
    start = implicit.index(b"\x18\x00\x11\x60") + 8
    length = int.from_bytes(implicit[start - 4 : start], "little")
    unknown = Element(0x00186011, "UN", implicit[start : start + length])
    one = instance(part10(dataset))
    elements = tuple(unknown if e.tag == unknown.tag else e for e in one.elements)
    out, _ = pixels.masked(replace(one, data_set=DataSet.of(elements)), RULES)
    assert not stack(read(out))[:, :BANNER].any()


def test_a_masked_object_goes_the_way_of_every_other() -> None:
    out, _ = pixels.masked(instance(compressed(ultrasound(drawn(2)), RLELossless)), RULES)
    research, _ = deidentify(out, Profile.of(), KEY)
    assert "PixelData" not in research.header()
    after = dcmread(BytesIO(research.to_part10()))
    assert not stack(after)[:, :BANNER].any()
    assert after.BurnedInAnnotation == "NO"


def test_what_was_valid_is_valid(tmp_path: Path) -> None:
    if not Path("/usr/bin/dciodvfy").exists():
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")

    def errors(data: bytes) -> set[str]:
        (tmp_path / "one.dcm").write_bytes(data)
        told = run(["/usr/bin/dciodvfy", tmp_path / "one.dcm"], capture_output=True, text=True)
        return {line for line in told.stderr.splitlines() if line.startswith("Error")}

    data = compressed(ultrasound(drawn(2, colour=True)), JPEG2000Lossless)
    out, _ = pixels.masked(instance(data), RULES)
    assert errors(file_of(out)) <= errors(data)


def test_images_nobody_suspects_and_those_that_declare_to_be_clean_are_not_touched() -> None:
    plain = ultrasound(drawn(), SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR")
    for dataset in (plain, ultrasound(drawn(), BurnedInAnnotation="NO")):
        one = instance(part10(dataset))
        assert pixels.masked(one, RULES) == (one, None)


BOXES = st.lists(st.tuples(*[st.integers(0, 140)] * 2, *[st.integers(1, 60)] * 2), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(boxes=BOXES, syntax=st.sampled_from(["", RLELossless, JPEGLSLossless, JPEG2000Lossless]))
def test_whatever_is_masked_is_black_and_whatever_is_not_is_the_same(
    boxes: list[tuple[int, int, int, int]], syntax: str
) -> None:
    own = '[[device]]\nname = "a"\nsource = "b"\nwhen = { Modality = "US" }\nmask = '
    rules = pixels.Rules.shipped(own + str([list(box) for box in boxes]))
    before = drawn(2, colour=True)
    dataset = ultrasound(before, SequenceOfUltrasoundRegions=Sequence([]))
    data = compressed(dataset, syntax) if syntax else part10(dataset)
    inside = np.zeros((ROWS, COLUMNS), bool)
    for left, top, width, height in boxes:
        inside[top : top + height, left : left + width] = True
    if not inside.any():
        with pytest.raises(DeidentificationError) as caught:
            pixels.masked(instance(data), rules)
        assert caught.value.reason == "no_mask_rule"
        return
    out, masking = pixels.masked(instance(data), rules)
    assert masking is not None and masking.share == inside.mean()
    after = stack(read(out))
    assert not after[:, inside].any()
    assert np.array_equal(after[:, ~inside], before[:, ~inside])


SAMPLES = {
    syntax: compressed(ultrasound(drawn(1)), syntax)
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless)
}


@settings(max_examples=60, deadline=None)
@given(
    syntax=st.sampled_from(sorted(SAMPLES)),
    places=st.lists(st.integers(0, 4000), min_size=1),
    byte=st.integers(0, 255),
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_frames_are_refused_or_masked_and_nothing_else(
    syntax: str, places: list[int], byte: int
) -> None:
    data = bytearray(SAMPLES[syntax])
    start = data.rindex(b"\xe0\x7f\x10\x00OB") + 40
    for place in places:
        data[start + place % (len(data) - start)] = byte
    try:
        one = IdentifiedInstance.from_part10(bytes(data))
        out, _ = pixels.masked(one, RULES)
    except DeidentificationError as error:
        assert error.__cause__ is None
        return
    assert not stack(read(out))[:, :BANNER].any()


def test_a_screen_of_ultrasound_whose_region_is_all_of_it_is_refused() -> None:
    whole = ultrasound(drawn(), SequenceOfUltrasoundRegions=Sequence([region(0, 0, COLUMNS - 1, ROWS - 1)]))
    assert refusal(whole) == "no_mask_rule"
    graphics = Sequence([region(0, BANNER, COLUMNS - 1, ROWS - 1, kind=5)])
    assert refusal(ultrasound(drawn(), SequenceOfUltrasoundRegions=graphics)) == "no_mask_rule"
    beyond = Sequence([region(0, BANNER, COLUMNS, ROWS - 1)])
    assert refusal(ultrasound(drawn(), SequenceOfUltrasoundRegions=beyond)) == "no_mask_rule"


def refusal(dataset: Dataset, syntax: str = "") -> str:
    with pytest.raises(DeidentificationError) as caught:
        pixels.masked(instance(compressed(dataset, syntax) if syntax else part10(dataset)), RULES)
    assert caught.value.advice and "DOE" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "OT"}, "no_mask_rule"),
        ({"ConversionType": "SD"}, "written_by_hand"),
        ({"PixelData": b"\0" * 100}, "pixel_length"),
        ({"NumberOfFrames": 10**6}, "pixels_too_large"),
        ({"Rows": None}, "pixel_header"),
        ({"Columns": 0}, "pixel_header"),
        ({"BitsAllocated": 32}, "pixel_format"),
        ({"PhotometricInterpretation": "HSV"}, "pixel_format"),
        ({"PhotometricInterpretation": "RGB"}, "pixel_format"),
        ({"SequenceOfUltrasoundRegions": Sequence([Dataset()])}, "no_mask_rule"),
    ],
)
def test_what_cannot_be_masked_is_refused_by_name(attributes: dict[str, object], reason: str) -> None:
    assert refusal(ultrasound(drawn(), **attributes)) == reason


def test_an_object_without_pixels_is_refused() -> None:
    dataset = ultrasound(drawn())
    del dataset.PixelData
    assert refusal(dataset) == "no_pixel_data"


def test_jpeg_of_more_than_eight_bits_is_refused(tmp_path: Path) -> None:
    data = by_dcmtk(ultrasound(drawn().astype(np.uint16) * 16), tmp_path, "+e1")
    with pytest.raises(DeidentificationError) as caught:
        pixels.masked(instance(data), RULES)
    assert caught.value.reason == "pixel_compression"
