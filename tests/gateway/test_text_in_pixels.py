"""Images with a name in their pixels at the gateway: refused and held, or masked before anything is written."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless, SecondaryCaptureImageStorage

from ror.config import ListenerSettings
from ror.gateway import Listener, Status, release
from tests.anonymizer.pixels.drawn import BANNER, COLUMNS, ROWS, compressed, drawn, part10, stack, ultrasound
from tests.gateway.conftest import Gateway, received

OWN = f"""
[[device]]
name = "The capture of these tests"
source = "drawn by them"
when = {{ Modality = "OT", Rows = {ROWS} }}
mask = [[0, 0, {COLUMNS}, {BANNER}]]
"""


def cine() -> Dataset:
    """An ultrasound whose device tells where its image is."""
    return ultrasound(drawn(3))


def capture() -> Dataset:
    """An image of a screen, which only a rule of the project knows."""
    kind = {"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "OT", "ConversionType": "WSD"}
    made = ultrasound(drawn(), **kind, BurnedInAnnotation="YES", SOPInstanceUID="1.3.6.1.4.1.99999.77.4.2")
    del made.SequenceOfUltrasoundRegions
    return made


def cleaning(gateway: Gateway, rules: str = OWN) -> None:
    project = replace(gateway.projects.get("lungs"), options=("clean-pixel-data",), pixel_rules=rules)
    gateway.projects.change(project)


def archived(gateway: Gateway) -> list[Dataset]:
    return [dcmread(file) for file in sorted(gateway.files.root.rglob("*.dcm"))]


def is_masked(image: Dataset) -> bool:
    after, before = stack(image), drawn(int(image.NumberOfFrames))
    return not after[:, :BANNER].any() and np.array_equal(after[:, BANNER:], before[:, BANNER:])


def test_what_was_refused_is_released_once_the_project_cleans_pixels(gateway: Gateway) -> None:
    for dataset in (cine(), capture()):
        assert gateway.intake.receive(received(dataset)).status is Status.REFUSED_BY_PROFILE
    held = gateway.quarantine.list()
    assert sorted(one.reason for one in held) == ["burned_in_annotation", "burned_in_undeclared"]
    cleaning(gateway, rules="")
    answers = [one.answer.status for one in release(gateway.quarantine, gateway.intake, held)]
    assert sorted(answers) == [Status.SUCCESS, Status.REFUSED_BY_PROFILE]
    (still,) = gateway.quarantine.list()
    assert still.reason == "no_mask_rule"
    cleaning(gateway)
    (released,) = release(gateway.quarantine, gateway.intake, [still])
    assert (released.answer.status, gateway.quarantine.list()) == (Status.SUCCESS, [])
    assert sorted(one.Modality for one in archived(gateway)) == ["OT", "US"]
    assert all(is_masked(one) for one in archived(gateway))


def test_an_image_that_comes_again_is_known_by_what_it_was(gateway: Gateway) -> None:
    cleaning(gateway)
    assert gateway.intake.receive(received(cine())).status is Status.SUCCESS
    held = gateway.archived()
    assert gateway.intake.receive(received(cine())).status is Status.SUCCESS
    assert gateway.archived() == held


@pytest.fixture
def send(gateway: Gateway, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Sends a file with dcmtk's storescu to a listener on a free port; gives what storescu says."""
    if not Path("/usr/bin/storescu").exists():
        pytest.skip("dcmtk is not installed (Debian package dcmtk)")
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), gateway.intake)
    listener.start()

    def sent(data: bytes, *options: str) -> str:
        file = tmp_path / "sent.dcm"
        file.write_bytes(data)
        address = ["-aet", "SCANNER", "-aec", "ROR", "127.0.0.1", str(listener.port)]
        done = subprocess.run(
            ["/usr/bin/storescu", "-v", *options, *address, file], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    yield sent
    listener.stop()


@pytest.mark.orthanc
@pytest.mark.parametrize(
    ("syntax", "proposed"), [(ExplicitVRLittleEndian, "-xe"), (RLELossless, "-xr"), (JPEGLSLossless, "-xt")]
)
def test_storescu_sends_an_ultrasound_and_no_name_reaches_the_archive(
    gateway: Gateway, send: Callable[..., str], syntax: str, proposed: str
) -> None:
    cleaning(gateway)
    data = part10(cine()) if syntax == ExplicitVRLittleEndian else compressed(cine(), syntax)
    assert "Received Store Response (Success)" in send(data, proposed)
    (after,) = archived(gateway)
    assert after.file_meta.TransferSyntaxUID == syntax and is_masked(after)
    assert (after.BurnedInAnnotation, after.ImageType[0]) == ("NO", "DERIVED")
    assert "113101" in [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert gateway.quarantine.list() == []


@pytest.mark.orthanc
def test_storescu_is_told_that_a_capture_without_a_rule_was_kept_back(
    gateway: Gateway, send: Callable[..., str]
) -> None:
    cleaning(gateway, rules="")
    said = send(part10(capture()))
    assert "Received Store Response" in said and "(Success)" not in said
    assert gateway.archived() == {}
    (held,) = gateway.quarantine.list()
    assert held.reason == "no_mask_rule" and "DOE" not in held.detail
