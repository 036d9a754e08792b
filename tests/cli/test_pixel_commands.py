"""`ror project add --option clean-pixel-data`: its own rules, and the search for text in pixels."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Home, home

__all__ = ["home"]

installed = pytest.mark.skipif(
    find_spec("rapidocr_onnxruntime") is None or find_spec("onnxruntime") is None,
    reason="the extra ocr is not installed (make ocr)",
)

ON = ("--option", "clean-pixel-data")
RULES = """
[[device]]
name = "Room 4"
source = "seen on 2026-11-20"
when = { Modality = "US", Rows = 614 }
mask = [[0, 0, 1150, 75]]
"""


def rules(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "rules.toml"
    file.write_bytes(content)
    return str(file)


def listed(home: Home) -> dict[str, Any]:
    (project,) = json.loads(home.good("project", "list", "--json"))
    return dict(project)


def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymizer.pixels.ocr.find_spec", lambda _name: None)


def test_rules_for_pixels_are_added_listed_and_cleared(home: Home, tmp_path: Path) -> None:
    home.good("project", "add", "lungs", *ON, "--pixel-rules", rules(tmp_path, RULES.encode()))
    assert (listed(home)["pixel_rules"], listed(home)["find_text"]) == ("own rules", None)
    home.good("project", "change", "lungs", "--clear", "pixel-rules")
    assert (listed(home)["pixel_rules"], listed(home)["options"]) == ("", ["clean-pixel-data"])


@pytest.mark.ocr
@installed
@pytest.mark.parametrize("off", [("--no-find-text",), ("--clear", "find-text")])
def test_the_search_for_text_is_switched_on_and_off(home: Home, off: tuple[str, ...]) -> None:
    home.good("project", "add", "lungs", *ON)
    home.good("project", "change", "lungs", "--find-text")
    assert listed(home)["find_text"] is True
    home.good("project", "change", "lungs", "--keep", "PatientSex")
    assert listed(home)["find_text"] is True
    home.good("project", "change", "lungs", *off)
    assert not listed(home)["find_text"]


def test_a_search_that_the_profile_has_on_can_be_switched_off(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "searching.toml"
    profile.write_text('options = ["clean-pixel-data"]\nfind_text = true\n')
    without_the_extra(monkeypatch)
    said = home.ror("project", "add", "lungs", "--profile", str(profile))
    assert said.code == 1 and "pip install ror-pacs[ocr]" in said.err
    home.good("project", "add", "lungs", "--profile", str(profile), "--no-find-text")
    assert listed(home)["find_text"] is False
    assert home.ror("project", "change", "lungs", "--clear", "find-text").code == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"[[device]", "not TOML"),
        (RULES.replace("mask", "musk").encode(), "device[0].musk: unknown"),
        (RULES.replace("Room 4", "\xff").encode("latin-1"), "not UTF-8 from byte"),
    ],
)
def test_rules_with_faults_are_refused_when_they_are_given(
    home: Home, tmp_path: Path, content: bytes, told: str
) -> None:
    home.good("project", "add", "heads")
    said = home.ror("project", "add", "lungs", *ON, "--pixel-rules", rules(tmp_path, content))
    assert (said.code, said.out) == (1, "")
    assert told in said.err and "pixel" in said.err
    assert listed(home)["name"] == "heads"


def test_what_is_for_an_option_that_is_off_is_refused(home: Home, tmp_path: Path) -> None:
    for words in (("--find-text",), ("--pixel-rules", rules(tmp_path, RULES.encode()))):
        said = home.ror("project", "add", "lungs", *words)
        assert said.code == 1 and "Switch the option clean-pixel-data on" in said.err
    home.good("project", "add", "lungs", *ON, "--pixel-rules", rules(tmp_path, RULES.encode()))
    assert "clean-pixel-data" in home.ror("project", "change", "lungs", "--clear", "option").err


def test_a_search_that_is_not_installed_is_refused_when_the_project_is_made(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_extra(monkeypatch)
    said = home.ror("project", "add", "lungs", *ON, "--find-text")
    assert said.code == 1 and "pip install ror-pacs[ocr]" in said.err
    assert json.loads(home.good("project", "list", "--json")) == []


@pytest.mark.ocr
@installed
def test_the_doctor_says_which_project_lacks_its_search(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.good("project", "add", "lungs", *ON)
    assert "search for text" not in home.ror("doctor").out
    home.good("project", "change", "lungs", "--find-text")
    assert "ok    search for text: installed, for 1 project\n" in home.ror("doctor").out
    without_the_extra(monkeypatch)
    said = home.ror("doctor").out
    assert "FAIL  search for text: " in said and "project lungs wants it" in said
    assert "pip install ror-pacs[ocr]" in said
