"""Projects with a profile of their own, on both databases."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from anonymizer import (
    IdentifiedInstance,
    Line,
    Option,
    Profile,
    ProfileError,
    Treatment,
    deidentify,
    load_profile,
    write_profile,
)
from ror.archive import FileStore, Index, describe
from ror.db import Database, tables
from ror.errors import ConfigurationError, NotFound
from ror.model import StudyState
from ror.registry import AuditLog, Project, ProjectStore
from tests.anonymizer.planted import minimal, part10

QUANTITATIVE = load_profile("quantitative")
TEXT = write_profile(QUANTITATIVE.profile, QUANTITATIVE.name)


@pytest.fixture
def projects(database: Database, tmp_path: Path) -> ProjectStore:
    return ProjectStore(database, tmp_path / "secrets")


def test_a_project_keeps_its_profile_and_its_own_settings_come_on_top(projects: ProjectStore) -> None:
    project = Project("lungs", profile_toml=TEXT)
    projects.add(project)
    assert projects.get("lungs") == project
    assert projects.get("lungs").profile() == QUANTITATIVE.profile
    assert projects.get("lungs").profile_name == "quantitative"
    own = replace(
        project,
        options=("retain-institution",),
        cleaned=("ImageComments",),
        keep=("StudyDescription",),
        remove=("Manufacturer",),
    )
    projects.change(own)
    profile = projects.get("lungs").profile()
    assert profile.options == QUANTITATIVE.profile.options | {Option.RETAIN_INSTITUTION}
    assert profile.cleaned == (QUANTITATIVE.profile.cleaned | {"ImageComments"}) - {"StudyDescription"}
    assert (profile.keep, profile.remove) == ({"StudyDescription"}, {"Manufacturer"})


def test_the_research_profile_is_the_default(projects: ProjectStore) -> None:
    research = write_profile(load_profile("research").profile, "research")
    projects.add(Project("lungs", profile_toml=research))
    projects.add(Project("heads"))
    assert projects.get("lungs").profile().digest == projects.get("heads").profile().digest
    assert projects.get("heads").profile() == Profile.of()


def test_a_profile_that_cannot_be_is_refused(projects: ProjectStore) -> None:
    with pytest.raises(ProfileError):
        projects.add(Project("lungs", profile_toml='keep = ["PatientName"]'))
    lines = Profile(lines=frozenset({Line(0x00080020, Treatment.SHIFT)}))
    with pytest.raises(ProfileError):  # the line goes with the profile, not with what comes on top of it
        projects.add(Project("lungs", profile_toml=write_profile(lines), options=("retain-full-dates",)))
    assert projects.list() == []


@pytest.mark.parametrize(
    "other",
    [Profile(weekdays=False), Profile(frozenset({Option.RETAIN_UIDS, Option.RETAIN_MODIFIED_DATES}))],
    ids=["weekdays", "uids"],
)
@pytest.mark.parametrize("first", [True, False], ids=["taken up", "given up"])
def test_a_project_that_holds_studies_keeps_their_uids_and_the_days_between_them(
    projects: ProjectStore, database: Database, tmp_path: Path, other: Profile, first: bool
) -> None:
    plain, changed = Project("lungs"), Project("lungs", profile_toml=write_profile(other))
    before, after = (plain, changed) if first else (changed, plain)
    projects.add(before)
    projects.change(after)
    projects.change(before)
    instance = IdentifiedInstance.from_part10(part10(minimal()))
    research, _ = deidentify(instance, before.profile(), projects.key("lungs"))
    filed = FileStore(tmp_path / "archive").file("lungs", research)
    Index(database).add("lungs", describe(research.header()), filed, "digest", 0.0)
    with pytest.raises(ConfigurationError, match="holds studies already"):
        projects.change(after)
    assert projects.get("lungs") == before
    projects.change(replace(before, options=("retain-device",)))


def test_what_an_earlier_release_let_a_project_keep_can_be_taken_out_though_it_holds_studies(
    projects: ProjectStore, database: Database
) -> None:
    projects.add(Project("lungs", keep=("KVP",)))
    kept = {**asdict(projects.get("lungs")), "keep": ["AdmissionID"]}
    del kept["name"]
    study = {"study_uid": "2.25.1", "project": "lungs", "patient_id": "M-1", "state": StudyState.RECEIVING}
    with database.write() as connection:
        connection.execute(tables.projects.update().values(settings=kept))
        times = {"first_received_at": 0.0, "last_received_at": 0.0}
        connection.execute(tables.studies.insert().values(**study, **times))
    held = projects.get("lungs")
    with pytest.raises(ProfileError, match="AdmissionID identifies the patient"):
        held.profile()
    with pytest.raises(ConfigurationError, match="holds studies already"):
        projects.change(replace(held, keep=(), options=("retain-uids",)))
    projects.change(replace(held, keep=()))
    assert projects.get("lungs").profile() == Profile.of()


def test_a_change_of_a_project_is_on_record_with_what_it_was_about_and_no_value(
    projects: ProjectStore, database: Database
) -> None:
    projects.add(Project("lungs"))
    log = AuditLog(database)
    was = projects.get("lungs")
    now = replace(was, keep=("KVP",), redcap_url="https://redcap.example.org/api/")
    projects.change(was)
    with pytest.raises(ProfileError):
        projects.change(replace(was, keep=("PatientID",)))
    with pytest.raises(NotFound, match="no project heads"):
        projects.change(replace(was, name="heads"))
    assert [one.action for one in log.list()] == ["add project"]
    projects.change(now)
    record, _added = log.list()
    assert (record.action, record.project, record.pseudonym) == ("change project", "lungs", "")
    digests = was.profile().digest, now.profile().digest
    assert record.detail == "redcap_url, keep; profile {}, now {}".format(*digests)
    assert record.who
