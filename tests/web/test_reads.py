"""Every request to read is told: who, what by research UIDs, how many objects; and no attribute's value."""

from __future__ import annotations

import logging

import pytest
import requests

from ror.web.reads import Read
from tests.anonymizer.planted import minimal, part10
from tests.web.conftest import Web, multipart
from tests.web.images import SERIES, STUDY, image, ramp, shelve
from tests.web.shelved import add


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "ror.web.reads"]


def test_each_read_is_a_line(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ror.web.reads")
    path = shelve(web, image(ramp(frames=2)))
    shelve(web, image(ramp(frames=2)))
    instance = path.rpartition("/")[2]
    series = f"/studies/{STUDY}/series/{SERIES}"
    of_series, of_instance = (
        f"study {STUDY} series {SERIES}",
        f"study {STUDY} series {SERIES} instance {instance}",
    )
    for resource, accept, line in (
        ("/studies", None, "studies of everything of lungs: objects 1, status 200"),
        (f"/studies/{STUDY}/series", None, f"series of study {STUDY} of lungs: objects 1, status 200"),
        (f"{series}/instances", None, f"instances of {of_series} of lungs: objects 2, status 200"),
        (series, "*/*", f"series of {of_series} of lungs: objects 2, status 200"),
        (f"/studies/{STUDY}/metadata", None, f"metadata of study {STUDY} of lungs: objects 2, status 200"),
        (path, "application/dicom", f"instances of {of_instance} of lungs: objects 1, status 200"),
        (f"{path}/frames/1,2", "*/*", f"frames of {of_instance} of lungs: objects 1, status 200"),
        (f"{path}/frames/2/rendered", "*/*", f"rendered of {of_instance} of lungs: objects 1, status 200"),
        (f"{series}/thumbnail", "*/*", f"thumbnail of {of_series} of lungs: objects 1, status 200"),
        (f"{path}/bulkdata/7FE00010", "*/*", f"bulkdata of {of_instance} of lungs: objects 1, status 200"),
    ):
        caplog.clear()
        assert web.get(resource, accept).status_code == 200
        assert lines(caplog) == [f"viewer reads {line}"]


def test_who_may_not_is_told_too_and_who_is_nobody_not(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ror.web.reads")
    assert web.get("/studies", token=web.store).status_code == 403
    assert web.get("/studies/2.25.9").status_code == 404
    assert web.get("/studies", token="ror_nobody").status_code == 401
    assert lines(caplog) == [
        "scanner reads studies of everything of lungs: objects 0, status 403",
        "viewer reads studies of study 2.25.9 of lungs: objects 0, status 404",
    ]


def test_nothing_that_was_asked_for_or_stored_is_in_a_line(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    add(web.app.index, "lungs", 1, "CT", 1)
    assert len(web.get("/studies", PatientName="Name1^Given").json()) == 1
    for path in ("/studies/Name1^Given", "/studies/1.1/series/Name1%0aGiven/metadata", "/Name1/studies"):
        assert web.get(path).status_code in (400, 404)
    assert web.post(multipart(part10(minimal(PatientName="Name1^Given")))).status_code == 200
    assert len(lines(caplog)) == 4
    assert not [one for one in caplog.messages if "Name1" in one or "Given" in one or "\n" in one]


def test_the_line_comes_before_the_answer(web: Web) -> None:
    class Gone(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no room for a line")

    log, handler = logging.getLogger("ror.web.reads"), Gone()
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.INFO)
    try:
        answered = web.get("/studies")
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert (answered.status_code, answered.content) == (500, b"Internal Server Error")


def test_head_is_a_read(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ror.web.reads")
    headers = {"Authorization": f"Bearer {web.read}"}
    requests.head(f"{web.url}/studies", headers=headers, timeout=30)
    assert len(lines(caplog)) == 1


def test_a_read_can_be_kept_as_data() -> None:
    read = Read("viewer", "lungs", "metadata", ("1.2", "1.3"), 4, 200)
    assert str(read) == "viewer reads metadata of study 1.2 series 1.3 of lungs: objects 4, status 200"
