"""The README knows every refusal of pixels, and the example runs."""

import re
import runpy
from io import BytesIO
from pathlib import Path

import pytest
from drawn import BANNER, drawn, part10, stack, ultrasound
from pydicom import dcmread

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_readme_names_every_reason_for_which_pixels_are_refused() -> None:
    readme = (ROOT / "anonymizer" / "README.md").read_text(encoding="utf-8")
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "anonymizer" / "pixels").glob("*.py"))
    raised = r"(?:Unreadable|ProfileError|_burned_in|_unsupported|_refused)"
    reasons = set(re.findall(raised + r'\(\s*"(\w+)"', code)) | {"pixel_damage"}
    assert len(reasons) > 12
    assert {reason for reason in reasons if f"`{reason}`" not in readme} == set()


def test_the_example_masks_de_identifies_and_says_by_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(part10(ultrasound(drawn(2))))
    main = runpy.run_path(str(ROOT / "examples" / "mask_text.py"))["main"]
    assert main([str(source), str(target)], b"a key for these tests only") == 0
    after = dcmread(BytesIO(target.read_bytes()))
    assert not stack(after)[:, :BANNER].any() and after.PatientID != "4711"
    assert "25% masked, by regions" in capsys.readouterr().out
    source.write_bytes(part10(ultrasound(drawn(), SequenceOfUltrasoundRegions=[])))
    assert main([str(source), str(target)], b"a key for these tests only") == 1
    assert "No rule tells" in capsys.readouterr().err
