"""``ror route``: what tells routes apart, their order, and what would become of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.anonymizer.planted import ct, minimal, part10
from tests.cli.test_commands import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two projects of one scanner, told apart by what is on the images, and a third one for all the rest."""
    made = Home(tmp_path / "home")
    for project in ("lungs", "heads", "rest"):
        made.good("project", "add", project)
    made.good("route", "add", "lungs", "--from", "CT", "--where", "BodyPartExamined = CHEST", "--settle", "5")
    made.good("route", "add", "heads", "--from", "CT", "--address", "10.1.0.0/16", "--until-release")
    made.good("route", "add", "rest", "--from", "*", "--priority", "-1")
    return made


def tried(home: Home, file: Path, *words: str, code: int = 0) -> dict[str, Any]:
    said = home.ror("route", "test", str(file), *words, "--json")
    assert said.code == code, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.dcm"
    file.write_bytes(part10(minimal(BodyPartExamined="CHEST")))
    return file


def test_routes_are_listed_in_the_order_in_which_they_are_tried(home: Home) -> None:
    rows = json.loads(home.good("route", "list", "--json"))
    assert [(row["project"], row["address"], row["where"], row["priority"]) for row in rows] == [
        ("heads", "10.1.0.0/16", "", 0),
        ("lungs", "*", 'BodyPartExamined = "CHEST"', 0),
        ("rest", "*", "", -1),
    ]
    assert [(row["settle_seconds"], row["until_release"]) for row in rows] == [
        (30.0, "yes"),
        (5.0, "no"),
        (30.0, "no"),
    ]


def test_a_route_is_removed_by_all_that_tells_it_apart(home: Home) -> None:
    said = home.ror("route", "remove", "lungs", "--from", "CT")
    assert said.err.splitlines()[0] == "ror: there is no route CT → * to project lungs"
    said = home.ror("route", "remove", "lungs", "--from", "CT", "--where", "BodyPartExamined=CHEST")
    assert said.out == 'CT → * where BodyPartExamined = "CHEST": no more to project lungs\n'


def test_a_file_is_told_its_route_and_why_not_the_others(home: Home, image: Path) -> None:
    told = tried(home, image, "--from", "CT", "--to", "ROR", "--address", "10.9.0.1")
    assert [(one["project"], one["taken"], one["why_not"]) for one in told["routes"]] == [
        ("heads", "no", ["the address 10.9.0.1 is not in 10.1.0.0/16"]),
        ("lungs", "yes", []),
        ("rest", "no", []),
    ]
    assert (told["project"], told["profile"], told["pseudonyms"]) == ("lungs", "the default", "derived")
    assert (told["settle_seconds"], told["outcome"], told["reason"]) == (5.0, "taken in", "")
    assert tried(home, image, "--from", "MR")["project"] == "rest"
    assert tried(home, image)["project"] == "heads"
    assert json.loads(home.good("studies", "--json")) == []


def test_a_file_is_told_what_de_identification_would_refuse(home: Home, tmp_path: Path) -> None:
    planted = ct()
    planted.dataset.BurnedInAnnotation = "YES"
    file = tmp_path / "image.dcm"
    file.write_bytes(part10(planted.dataset))
    said = home.ror("route", "test", str(file), "--from", "CT")
    assert said.code == 1
    assert "outcome: quarantined" in said.out
    assert "burned_in" in said.out
    assert [one for one in planted.secrets if one.decode() in said.out + said.err] == []
    assert json.loads(home.good("quarantine", "list", "--json")) == []


def test_a_file_that_no_route_takes_is_refused(home: Home, image: Path) -> None:
    home.good("route", "remove", "rest", "--from", "*")
    told = tried(home, image, "--from", "MR", code=1)
    assert (told["project"], told["outcome"]) == (None, "refused, for there is no route")


def test_a_patient_is_not_counted_by_a_test(home: Home, image: Path) -> None:
    home.good("pseudonyms", "set", "heads", "--pattern", "P-{:03d}")
    assert tried(home, image)["outcome"] == "taken in"
    assert json.loads(home.good("pseudonyms", "show", "--json")) == []


def test_a_file_that_is_no_object_is_told(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "letter.dcm"
    file.write_bytes(b"Dear colleague, " * 20)
    said = home.ror("route", "test", str(file))
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("ror: the file is no object that can be read: not_part10")
    assert home.ror("route", "test", str(tmp_path / "nosuch")).err.startswith("ror: the file cannot be read")
