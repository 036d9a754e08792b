"""A profile that cleans pixels: what `deidentify` lets in with it, what the object then says, and what it refuses."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from drawn import BANNER, compressed, drawn, instance, part10, stack, ultrasound
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from anonymizer import (
    DeidentificationError,
    Option,
    Profile,
    ProfileError,
    ProjectKey,
    deidentify,
    pixels,
    read_file,
    write_file,
)

KEY = ProjectKey(b"a key for these tests only")
ON = Profile.of(options=["clean-pixel-data"])
SEARCHING = Profile.of(options=["clean-pixel-data"], find_text=True)
installed = pytest.mark.skipif(
    find_spec("rapidocr_onnxruntime") is None,
    reason="what finds text in pixels is not installed (make ocr)",
)
OWN = """
[[device]]
name = "The capture of these tests"
source = "drawn.py"
when = { Modality = "OT", Rows = 96 }
mask = [[0, 0, 128, 24]]
"""


def capture(**attributes: object) -> Dataset:
    """A secondary capture with a name in its banner, and no regions that would tell of it."""
    made = ultrasound(drawn(2), SOPClassUID=SecondaryCaptureImageStorage, Modality="OT", **attributes)
    del made.SequenceOfUltrasoundRegions
    return made


def treated(data: bytes, profile: Profile = ON) -> Dataset:
    research, report = deidentify(instance(data), profile, KEY)
    assert report.profile_digest == profile.digest
    return dcmread(BytesIO(research.to_part10()))


def refusal(data: bytes, profile: Profile) -> str:
    with pytest.raises(DeidentificationError) as caught:
        deidentify(instance(data), profile, KEY)
    assert caught.value.advice and "DOE" not in str(caught.value)
    return caught.value.reason


def codes(header: Dataset) -> list[str]:
    return [item.CodeValue for item in header.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_an_ultrasound_comes_out_without_its_banner_and_says_so(syntax: str) -> None:
    before = drawn(3, colour=True)
    dataset = ultrasound(before, BurnedInAnnotation="YES")
    data = part10(dataset) if syntax == ExplicitVRLittleEndian else compressed(dataset, syntax)
    after = treated(data)
    assert not stack(after)[:, :BANNER].any()
    assert np.array_equal(stack(after)[:, BANNER:], before[:, BANNER:])
    assert after.file_meta.TransferSyntaxUID == syntax
    assert (after.BurnedInAnnotation, after.PatientIdentityRemoved) == ("NO", "YES")
    assert codes(after)[:2] == ["113100", "113101"]
    assert after.ImageType[0] == "DERIVED"
    assert after.DerivationDescription == "Burned-in text masked (regions)"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_pixels_that_were_left_in_their_file_come_out_as_those_that_were_not(
    tmp_path: Path, syntax: str
) -> None:
    # Of this size the pixels, also compressed, are beyond what is read of a file at first.
    dataset = ultrasound(np.repeat(drawn(2), 40, axis=0))
    data = part10(dataset) if syntax == ExplicitVRLittleEndian else compressed(dataset, syntax)
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(data)
    assert len(data) > 10 * 2**15
    write_file(deidentify(read_file(source), ON, KEY)[0], target)
    assert target.read_bytes() == deidentify(instance(data), ON, KEY)[0].to_part10()


def test_without_the_option_nothing_is_let_in() -> None:
    for option in (None, *(o for o in Option if o is not Option.CLEAN_PIXEL_DATA)):
        profile = Profile.of(options=[option] if option else [], modified_dates=False)
        assert refusal(part10(ultrasound(drawn())), profile) == "burned_in_undeclared"
        assert refusal(part10(capture(BurnedInAnnotation="YES")), profile) == "burned_in_annotation"


def test_a_capture_needs_a_rule_of_the_project() -> None:
    data = part10(capture(BurnedInAnnotation="YES"))
    assert refusal(data, ON) == "no_mask_rule"
    after = treated(data, Profile.of(options=["clean-pixel-data"], pixel_rules=OWN))
    assert not stack(after)[:, :BANNER].any()
    assert after.DerivationDescription == "Burned-in text masked (The capture of these tests)"
    refused = OWN.replace("mask = [[0, 0, 128, 24]]", "refuse = true")
    assert refusal(data, Profile.of(options=["clean-pixel-data"], pixel_rules=refused)) == "refused_by_rule"


def test_a_search_finds_what_no_rule_knows_and_masks_all_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "text_found", lambda image: [pixels.Rectangle(0, 0, 128, BANNER)])
    after = treated(part10(capture(BurnedInAnnotation="YES")), SEARCHING)
    assert not stack(after)[:, :BANNER].any()
    assert np.array_equal(stack(after)[:, BANNER:], drawn(2)[:, BANNER:])
    assert after.DerivationDescription == "Burned-in text masked (text found)"
    monkeypatch.setattr(pixels, "text_found", lambda image: [])
    assert refusal(part10(capture(BurnedInAnnotation="YES")), SEARCHING) == "text_not_found"


@pytest.mark.ocr
@installed
def test_the_search_that_is_shipped_finds_the_name_in_a_capture() -> None:
    after = treated(part10(capture()), SEARCHING)
    assert not stack(after)[:, 2:16, 4:100].any()


def test_an_image_that_nobody_suspects_keeps_its_pixels_and_says_no() -> None:
    plain = ultrasound(drawn(), SOPClassUID=MRImageStorage, Modality="MR")
    after = treated(part10(plain))
    assert np.array_equal(stack(after), drawn())
    assert (after.BurnedInAnnotation, after.ImageType[0]) == ("NO", "ORIGINAL")
    assert "113101" in codes(after) and "DerivationDescription" not in after
    assert "BurnedInAnnotation" not in treated(part10(plain), Profile.of())


def test_an_object_without_pixels_says_nothing_of_them() -> None:
    plan = ultrasound(drawn(), SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5", Modality="RTPLAN")
    del plan.PixelData
    assert "BurnedInAnnotation" not in treated(part10(plan))


def test_what_was_valid_is_valid(tmp_path: Path) -> None:
    if not Path("/usr/bin/dciodvfy").exists():
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")

    def errors(data: bytes) -> set[str]:
        (tmp_path / "one.dcm").write_bytes(data)
        told = run(["/usr/bin/dciodvfy", tmp_path / "one.dcm"], capture_output=True, text=True, check=False)
        return {line for line in told.stderr.splitlines() if line.startswith("Error")}

    own = Profile.of(options=["clean-pixel-data"], pixel_rules=OWN)
    for dataset in (ultrasound(drawn(2, colour=True)), capture(BurnedInAnnotation="YES")):
        research, _ = deidentify(instance(compressed(dataset, JPEG2000Lossless)), own, KEY)
        assert errors(research.to_part10()) <= errors(compressed(dataset, JPEG2000Lossless))


@pytest.mark.parametrize("more", [{"pixel_rules": OWN}, {"find_text": True}])
def test_what_is_to_be_done_in_pixels_needs_the_option(more: dict[str, object]) -> None:
    with pytest.raises(ProfileError) as caught:
        Profile.of(**more)  # type: ignore[arg-type]
    assert caught.value.reason == "contradiction" and "clean-pixel-data" in caught.value.advice
    assert Profile.of(options=["clean-pixel-data"], **more).digest != ON.digest  # type: ignore[arg-type]


def test_faulty_rules_are_refused_with_all_their_faults_when_the_profile_is_made() -> None:
    with pytest.raises(ProfileError) as caught:
        Profile.of(
            options=["clean-pixel-data"], pixel_rules=OWN.replace("mask", "musk").replace("when", "if")
        )
    assert caught.value.reason == "pixel_rules"
    assert all(word in str(caught.value) for word in ("device[0].musk", "device[0].if", "device[0].when"))


def test_a_profile_that_does_nothing_in_pixels_has_the_digest_it_always_had() -> None:
    assert Profile.of().digest == "b419ffacb790"
    assert Profile.of(options=["retain-device"], keep=["PatientSex"]).digest == "a774bc393647"
