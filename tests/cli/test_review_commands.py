"""``ror review``: what it refuses, and what it says."""

from __future__ import annotations

import json

import pytest

from ror.app import App
from ror.model import JobState
from tests.cli.test_commands import Home, home, with_job

__all__ = ["home", "with_job"]  # the fixtures


@pytest.fixture
def in_review(home: Home, with_job: str) -> str:
    """A job whose results wait, as the engine leaves it."""
    app = App(home.folder)
    app.jobs.move(with_job, JobState.RUNNING)
    app.jobs.move(with_job, JobState.REVIEW)
    app.close()
    return with_job


def test_what_waits_is_listed_until_somebody_decides(home: Home, in_review: str) -> None:
    (row,) = json.loads(home.good("review", "list", "--json"))
    assert (row["job"], row["project"], row["patient_id"]) == (in_review, "lungs", "P")
    assert json.loads(home.good("review", "list", "--project", "heads", "--json")) == []
    said = home.good("review", "reject", "box-01", "--by", "Dr. Roe", "--note", "no lung in it")
    assert "is rejected: nothing of it is delivered" in said
    assert "box-0123: rejected (rejected by Dr. Roe: no lung in it)" in home.good("review", "show", in_review)
    shown = home.good("jobs", "show", in_review)
    assert any(
        line.startswith("  rejected 2") and " by Dr. Roe (" in line and line.endswith("): no lung in it")
        for line in shown.splitlines()
    )
    (decision,) = json.loads(home.good("jobs", "show", in_review, "--json"))["decisions"]
    assert (decision["reader"], decision["note"]) == ("Dr. Roe", "no lung in it")
    assert json.loads(home.good("review", "list", "--json")) == []
    (tally,) = json.loads(home.good("review", "summary", "--json"))
    assert (tally["workflow"], tally["waiting"], tally["rejected"]) == ("box", 0, 1)


def test_a_job_that_does_not_wait_is_told_with_what_can_be_done(home: Home, with_job: str) -> None:
    for act, advice in (("accept", "in review, or rejected ones"), ("reject", "in review can be rejected")):
        said = home.ror("review", act, with_job)
        assert said.code == 1 and "job box-0123 is queued" in said.err and advice in said.err


def test_a_job_says_which_of_its_masks_were_corrected(home: Home, in_review: str) -> None:
    app = App(home.folder)
    for version in ("2.25.1", "2.25.2"):
        app.corrections.add(in_review, "box", version, "1.2", "READING", 1e9, {"Box": 0.9})
    app.reviews.accept(app.jobs.get(in_review), "Dr. Roe", "the tip was missing", ["2.25.2"])
    app.close()
    for group in ("jobs", "review"):
        told = home.good(group, "show", in_review)
        assert "  accepted with the corrected box (version 2) 2" in told
        assert "): the tip was missing\n" in told


@pytest.mark.parametrize("words", [("--by", "x" * 65), ("--note", "x" * 501), ("--note", "two\nlines")])
def test_a_note_is_one_short_line(home: Home, in_review: str, words: tuple[str, str]) -> None:
    said = home.ror("review", "reject", in_review, *words)
    assert said.code == 2 and "one line of at most" in said.err
    assert json.loads(home.good("review", "list", "--json"))


def test_a_project_says_where_its_reviewers_look(home: Home, in_review: str) -> None:
    unknown = home.ror("project", "change", "lungs", "--review-pacs", "reading")
    assert unknown.code == 1 and "no section [pacs.reading]" in unknown.err
    home.settings('[pacs.reading]\nfolder = "/nowhere"\n')
    home.good("project", "change", "lungs", "--review", "--review-pacs", "reading")
    (project,) = json.loads(home.good("project", "list", "--json"))
    assert (project["review"], project["review_pacs"]) == (True, "reading")
    home.good("project", "change", "lungs", "--no-review", "--clear", "review-pacs")
    (project,) = json.loads(home.good("project", "list", "--json"))
    assert (project["review"], project["review_pacs"]) == (False, "")
    assert in_review in home.good("review", "list")
