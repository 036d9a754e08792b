"""The README's program runs as it stands there, and the README knows every refusal."""

import re
import runpy
from pathlib import Path

import pytest
from planted import ct, part10

import anonymizer

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "anonymizer" / "README.md").read_text(encoding="utf-8")


def test_the_readme_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (Path("in.dcm"), Path("series", "1.dcm")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(part10(ct().dataset))
    Path("out").mkdir()
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, {})
    (written,) = Path("out").iterdir()
    assert anonymizer.IdentifiedInstance.from_part10(written.read_bytes()).sop_instance_uid == written.stem


def test_the_readme_names_every_error_and_every_reason() -> None:
    for name in anonymizer.__all__:
        if isinstance(getattr(anonymizer, name), type) and issubclass(getattr(anonymizer, name), Exception):
            assert name in README
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "anonymizer").glob("*.py"))
    raised = (
        r"(?:Unreadable|Unsupported|MissingIdentifier|BurnedInText|ResidualIdentity|_burned_in|_unreadable)"
    )
    reasons = set(re.findall(raised + r'\(\s*"(\w+)"', code)) | set(
        re.findall(r'"([a-z_]+)", "An? [A-Za-z]', code)
    )
    assert len(reasons) > 20
    assert {reason for reason in reasons if f"`{reason}`" not in README} == set()


def test_the_example_writes_a_file_and_tells_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(part10(ct().dataset))
    program = runpy.run_path(str(ROOT / "examples" / "deidentify_file.py"))
    assert program["main"]([str(source), str(target)], b"a key for these tests only") == 0
    assert target.stat().st_size > 512
    assert "removed" in capsys.readouterr().out
    source.write_bytes(b"no image")
    assert program["main"]([str(source), str(target)], b"a key for these tests only") == 1
    assert "Not a DICOM file" in capsys.readouterr().err
