"""Several processes take objects into one home, and none removes what another one is writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ror.app import App
from ror.gateway import Received
from ror.registry import Project
from tests.anonymizer.planted import minimal, part10


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with closing(App(tmp_path / "home")) as app:
        app.projects.add(Project("lungs"))
    return tmp_path / "home"


@pytest.fixture
def unfinished(home: Path) -> list[Path]:
    """What somebody writes, or has begun to write: an object of the archive, and one of the quarantine."""
    files = [home / "archive" / ".incoming" / "1f.part", home / "quarantine" / "2e.part"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"begun")
    return files


@pytest.fixture
def importing(home: Path) -> Iterator[App]:
    """What `ror import` is."""
    with closing(App(home)) as app:
        assert app.intake is not None
        yield app


def are_there(files: list[Path]) -> list[bool]:
    return [file.exists() for file in files]


def test_a_service_that_starts_leaves_what_an_import_is_writing(
    home: Path, importing: App, unfinished: list[Path]
) -> None:
    with closing(App(home)) as service:
        service.heal()
        assert are_there(unfinished) == [True, True]
        importing.close()
        service.heal()
        assert are_there(unfinished) == [False, False]


def test_what_an_import_had_filed_is_indexed_in_any_case(home: Path, importing: App) -> None:
    data = part10(minimal(PatientID="P1"))
    importing.intake.receive(Received.from_part10(data, "IMPORT", "ROR"), "lungs")
    with closing(App(home)) as service:
        service.heal()
        importing.close()
        (study,) = service.index.studies()
        assert study.instances == 1


def test_several_take_in_at_once(home: Path, importing: App) -> None:
    with closing(App(home)) as pulling, pulling.home.nobody_taking_in() as alone:
        assert not alone
        assert pulling.intake is not None
    importing.close()
    with importing.home.nobody_taking_in() as alone:
        assert alone


def test_an_error_of_who_is_alone_is_not_taken_for_a_lock(home: Path) -> None:
    with closing(App(home)) as app, pytest.raises(BlockingIOError), app.home.nobody_taking_in():
        raise BlockingIOError
