"""The checklist in the README of the results names tests that exist, and the keys of the manifest that it explains."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "ror" / "results" / "README.md").read_text(encoding="utf-8")


def test_every_line_of_the_checklist_has_a_test_that_exists() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    lines = README.split("## IHE AI Results")[1].splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named and set(named) <= defined, row


def test_every_kind_of_object_is_told() -> None:
    for words in (
        "Segmentation",
        "Comprehensive 3D SR",
        "RT Structure Set",
        "Secondary Capture",
        "Key Object",
        "Encapsulated PDF",
        "Encapsulated STL",
    ):
        assert f"| {words}" in README
