"""What administrators set, on both databases: projects and their secrets, routes, workflows."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from anonymizer import ProfileError
from containers import ImageError, ManifestError, Package, ProcessRuntime
from ror.db import Database, tables
from ror.errors import AlreadyExists, ConfigurationError, NotAllowed, NotFound
from ror.registry import (
    Attributes,
    AuditLog,
    Project,
    ProjectStore,
    Route,
    RouteStore,
    Sender,
    WorkflowStore,
    first_that_fits,
)
from select_lang import SelectError

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"


@pytest.fixture
def projects(database: Database, tmp_path: Path) -> ProjectStore:
    return ProjectStore(database, tmp_path / "secrets")


# -- projects ---------------------------------------------------------------------------------------------------------


def test_a_project_comes_back_as_it_was_added(projects: ProjectStore) -> None:
    whole = Project(
        "lungs",
        ("a", "b"),
        "https://redcap/api/",
        ("SeriesDescription",),
        ("PatientSex",),
        ("KVP",),
        "images",
    )
    plain = Project("heads")
    projects.add(whole)
    projects.add(plain)
    assert projects.get("lungs") == whole
    assert projects.list() == [plain, whole]


def test_settings_can_be_changed_and_the_key_stays(projects: ProjectStore) -> None:
    projects.add(Project("lungs"))
    before = projects.key("lungs").uid("1.2.3")
    projects.change(Project("lungs", pacs=("research",)))
    assert projects.get("lungs").pacs == ("research",)
    assert projects.key("lungs").uid("1.2.3") == before


def test_a_name_is_taken_once(projects: ProjectStore) -> None:
    projects.add(Project("lungs", ("a",)))
    with pytest.raises(AlreadyExists):
        projects.add(Project("lungs", ("b",)))
    assert projects.get("lungs").pacs == ("a",)


@pytest.mark.parametrize("name", ["", "1lung", "../lungs", "lungs/heads", "a" * 64, "Lünge", "lungs "])
def test_a_name_that_is_no_folder_is_refused(projects: ProjectStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no project name"):
        projects.add(Project(name))
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    "wrong", [Project("lungs", keep=("PatientName",)), Project("lungs", keep=("Nothing",))]
)
def test_a_profile_that_cannot_be_is_refused(projects: ProjectStore, wrong: Project) -> None:
    with pytest.raises(ProfileError):
        projects.add(wrong)
    assert projects.list() == []
    projects.add(Project("lungs"))
    with pytest.raises(ProfileError):
        projects.change(wrong)
    assert projects.get("lungs").keep == ()


@pytest.mark.parametrize(
    "wrong",
    [
        Project("lungs", redcap_url="http://redcap.example.org/api/"),
        Project("lungs", redcap_url="https://redcap.example.org/"),
        Project("lungs", redcap_url="redcap.example.org/api/"),
        Project("lungs", redcap_repeat_instrument="Image quality"),
    ],
    ids=str,
)
def test_a_redcap_that_cannot_be_is_refused(projects: ProjectStore, wrong: Project) -> None:
    with pytest.raises(ConfigurationError, match="--redcap-") as refused:
        projects.add(wrong)
    assert refused.value.advice
    assert projects.list() == []
    projects.add(Project("lungs"))
    with pytest.raises(ConfigurationError, match="--redcap-"):
        projects.change(wrong)
    assert projects.get("lungs") == Project("lungs")


@pytest.mark.parametrize(("one", "other"), [("p1", "P1"), ("a-b", "a_b"), ("Knee-MR", "knee_mr")])
def test_no_two_projects_share_the_variable_of_their_token(
    projects: ProjectStore, one: str, other: str
) -> None:
    projects.add(Project(one))
    with pytest.raises(AlreadyExists, match=f"would be that of project {one}: ROR_REDCAP_TOKEN_"):
        projects.add(Project(other))
    assert [project.name for project in projects.list()] == [one]


def test_a_project_of_before_there_were_instruments_has_none(
    projects: ProjectStore, database: Database
) -> None:
    projects.add(Project("lungs"))
    old = {"pacs": [], "redcap_url": "", "cleaned": None, "keep": [], "remove": []}
    with database.write() as connection:
        connection.execute(tables.projects.update().values(settings=old))
    assert projects.get("lungs") == Project("lungs")


def test_an_unknown_project_is_told(projects: ProjectStore) -> None:
    with pytest.raises(NotFound, match="no project lungs"):
        projects.get("lungs")
    with pytest.raises(NotFound, match="no project lungs"):
        projects.change(Project("lungs"))


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_each_project_has_a_secret_that_only_its_owner_reads(projects: ProjectStore, tmp_path: Path) -> None:
    projects.add(Project("lungs"))
    projects.add(Project("heads"))
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        "lungs.key": 0o600,
        "heads.key": 0o600,
    }
    assert projects.key("lungs").pseudonym("P") != projects.key("heads").pseudonym("P")


def test_a_project_that_is_made_again_keeps_its_secret(projects: ProjectStore, empty_url: str) -> None:
    projects.add(Project("lungs"))
    before = projects.key("lungs").uid("1.2.3")
    restored = Database(empty_url)
    restored.migrate()
    again = ProjectStore(restored, projects._secrets)
    again.add(Project("lungs"))
    restored.close()
    assert again.key("lungs").uid("1.2.3") == before


@pytest.mark.parametrize("content", [None, "", "no hexadecimal digits", "ab"])
def test_a_secret_that_is_lost_or_damaged_is_told_and_not_replaced(
    projects: ProjectStore, tmp_path: Path, content: str | None
) -> None:
    projects.add(Project("lungs"))
    file = tmp_path / "secrets" / "lungs.key"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(ConfigurationError, match="secret of project lungs") as refused:
        projects.key("lungs")
    assert "backup" in refused.value.advice
    assert file.exists() == (content is not None)


# -- routes -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def routes(database: Database, projects: ProjectStore) -> RouteStore:
    for name in ("lungs", "heads", "rest"):
        projects.add(Project(name))
    return RouteStore(database)


def unread(_keywords: Collection[str]) -> Attributes:
    pytest.fail("no route asks for an attribute")


def test_the_most_particular_route_is_taken(routes: RouteStore) -> None:
    added = [
        Route("*", "*", "rest"),
        Route("*", "ROR", "heads"),
        Route("CT", "*", "lungs"),
        Route("CT", "ROR", "heads"),
    ]
    for route in added:
        routes.add(route)
    assert routes.list() == added[::-1]
    assert first_that_fits(routes.list(), Sender("CT", "ROR"), unread) == added[3]
    assert first_that_fits(routes.list(), Sender("CT ", "OTHER"), unread) == added[2]
    assert first_that_fits(routes.list(), Sender("MR", " ROR "), unread) == added[1]
    assert first_that_fits(routes.list(), Sender("MR", "OTHER"), unread) == added[0]


def test_a_sender_without_a_route_has_none(routes: RouteStore) -> None:
    routes.add(Route("CT", "ROR", "lungs"))
    assert first_that_fits(routes.list(), Sender("ct", "ROR"), unread) is None
    assert first_that_fits(routes.list(), Sender("MR", "ROR"), unread) is None


def test_spaces_around_a_title_mean_nothing(routes: RouteStore) -> None:
    routes.add(Route(" CT ", "ROR ", "lungs"))
    found = first_that_fits(routes.list(), Sender("CT", "ROR"), unread)
    assert found is not None
    assert found.project == "lungs"


def test_a_pair_of_titles_has_one_route(routes: RouteStore) -> None:
    routes.add(Route("CT", "*", "lungs"))
    with pytest.raises(AlreadyExists, match="CT → \\*"):
        routes.add(Route("CT", "*", "heads"))
    assert routes.list() == [Route("CT", "*", "lungs")]


def test_a_route_that_is_removed_is_tried_no_more(routes: RouteStore) -> None:
    routes.add(Route("CT", "*", "lungs"))
    routes.add(Route("*", "*", "rest"))
    routes.remove(Route(" CT ", "*", "lungs"))
    assert routes.list() == [Route("*", "*", "rest")]
    routes.add(Route("CT", "*", "heads"))  # the pair of titles is free again


@pytest.mark.parametrize(
    "other", [Route("CT", "ROR", "lungs"), Route("*", "*", "lungs"), Route("CT", "*", "heads")]
)
def test_only_the_very_route_is_removed(routes: RouteStore, other: Route) -> None:
    routes.add(Route("CT", "*", "lungs"))
    with pytest.raises(NotFound, match="no route"):
        routes.remove(other)
    assert routes.list() == [Route("CT", "*", "lungs")]


@pytest.mark.parametrize("title", ["", "   ", "A" * 17, "A\\B", "A\tB", "A\0", "Ä"])
def test_a_title_that_is_none_is_refused(routes: RouteStore, title: str) -> None:
    with pytest.raises(ConfigurationError, match="is no AE title"):
        routes.add(Route(title, "*", "lungs"))
    with pytest.raises(ConfigurationError, match="is no AE title"):
        routes.add(Route("CT", title, "lungs"))
    assert routes.list() == []


# -- workflows --------------------------------------------------------------------------------------------------------


@pytest.fixture
def workflows(database: Database, routes: RouteStore, tmp_path: Path) -> WorkflowStore:
    return WorkflowStore(database, tmp_path / "packages")


def changed(folder: Path, old: str = "", new: str = "") -> Path:
    """A copy of the package `box` with some text of its manifest changed."""
    shutil.copytree(BOX, folder)
    manifest = (folder / "workflow.toml").read_text()
    assert old in manifest
    (folder / "workflow.toml").write_text(manifest.replace(old, new))
    return folder


def test_a_workflow_is_kept_as_it_was_when_installed(workflows: WorkflowStore, tmp_path: Path) -> None:
    folder = changed(tmp_path / "box")
    added = workflows.add("lungs", folder)
    (folder / "box.py").write_text("changed since")
    kept = workflows.package(added.name, added.digest)
    assert (kept.folder / "box.py").read_bytes() == (BOX / "box.py").read_bytes()
    assert (kept.digest, added.name, added.version, added.enabled) == (added.digest, "box", "1.0.0", True)


def test_a_newer_version_replaces_the_older_one_in_its_project_only(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    newer = changed(tmp_path / "newer", 'version = "1.0.0"', 'version = "1.1.0"')
    old = workflows.add("lungs", BOX)
    workflows.add("heads", BOX)
    new = workflows.add("lungs", newer)
    assert [(one.version, one.enabled) for one in workflows.list("lungs")] == [
        ("1.0.0", False),
        ("1.1.0", True),
    ]
    assert workflows.list(enabled_only=True) == [workflows.list("heads")[0], new]
    assert workflows.package("box", old.digest).manifest.version == "1.0.0"


def test_an_older_version_can_be_enabled_again(workflows: WorkflowStore, tmp_path: Path) -> None:
    old = workflows.add("lungs", BOX)
    workflows.add("lungs", changed(tmp_path / "newer", 'version = "1.0.0"', 'version = "1.1.0"'))
    assert workflows.add("lungs", BOX) == old
    assert workflows.list("lungs", enabled_only=True) == [old]
    assert len(workflows.list("lungs")) == 2


def test_a_version_whose_image_cannot_be_made_changes_nothing(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    old = workflows.add("lungs", BOX)
    packages = sorted((tmp_path / "packages").rglob("*"))

    def refuse(package: Package) -> None:
        assert package.folder.is_relative_to(tmp_path / "packages")
        assert workflows.list() == [old]  # not enabled before it is made
        raise ImageError("it cannot be built", "mend it")

    with pytest.raises(ImageError):
        workflows.add("lungs", changed(tmp_path / "newer", '"1.0.0"', '"1.1.0"'), refuse)
    assert workflows.list() == [old]
    assert sorted((tmp_path / "packages").rglob("*")) == packages
    with pytest.raises(ImageError):
        workflows.add("lungs", BOX, refuse)  # an installed package keeps its copy
    assert workflows.package("box", old.digest).digest == old.digest


def test_a_workflow_can_be_disabled_and_enabled_again(workflows: WorkflowStore) -> None:
    added = workflows.add("lungs", BOX)
    other = workflows.add("heads", BOX)
    assert workflows.disable("lungs", "box") == [replace(added, enabled=False)]
    assert workflows.list(enabled_only=True) == [other]
    with pytest.raises(NotFound, match="no enabled workflow box"):
        workflows.disable("lungs", "box")
    assert workflows.enable("lungs", "box") == added
    assert workflows.list("lungs") == [added]


def test_of_several_versions_the_one_that_is_named_is_enabled(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    old = workflows.add("lungs", BOX)
    new = workflows.add("lungs", changed(tmp_path / "newer", '"1.0.0"', '"1.1.0"'))
    with pytest.raises(NotFound, match=r"more than one box: 1\.0\.0 .*, 1\.1\.0 "):
        workflows.enable("lungs", "box")
    with pytest.raises(NotFound, match="no such version"):
        workflows.promote("lungs", "box", "2.0.0")
    assert workflows.list("lungs", enabled_only=True) == [new]
    assert workflows.promote("lungs", "box", "1.0.0") == old
    assert workflows.list("lungs", enabled_only=True) == [old]
    assert workflows.promote("lungs", "box", new.digest[:10]) == new
    assert workflows.list("lungs", enabled_only=True) == [new]


def test_a_version_in_the_shadow_runs_beside_the_current_one_until_it_is_promoted(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    newer = changed(tmp_path / "newer", '"1.0.0"', '"1.1.0"')
    old = workflows.add("lungs", BOX)
    shadow = workflows.add("lungs", newer, shadow=True)
    assert (shadow.enabled, shadow.shadow, shadow.told_version) == (False, True, "1.1.0 (shadow)")
    assert workflows.list(enabled_only=True) == [old]
    assert workflows.running("lungs") == workflows.versions("lungs", "box") == [old, shadow]
    current = workflows.promote("lungs", "box", "1.1.0")
    assert workflows.running("lungs") == [current] == [replace(shadow, enabled=True, shadow=False)]


def test_a_version_in_the_shadow_is_taken_away_alone_or_with_the_current_one(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    newer = changed(tmp_path / "newer", '"1.0.0"', '"1.1.0"')
    old = workflows.add("lungs", BOX)
    shadow = workflows.add("lungs", newer, shadow=True)
    assert workflows.disable("lungs", "box", shadows_only=True) == [replace(shadow, shadow=False)]
    assert workflows.running("lungs") == [old]
    with pytest.raises(NotFound, match="nothing in the shadow of the workflow box"):
        workflows.disable("lungs", "box", shadows_only=True)
    workflows.add("lungs", newer, shadow=True)
    assert len(workflows.disable("lungs", "box")) == 2
    assert workflows.running("lungs") == []


def test_nothing_runs_in_the_shadow_of_nothing_or_of_itself(workflows: WorkflowStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no enabled workflow box to run beside"):
        workflows.add("lungs", BOX, shadow=True)
    assert not (tmp_path / "packages" / "box").exists()
    workflows.add("lungs", BOX)
    with pytest.raises(NotAllowed, match="is the current version"):
        workflows.add("lungs", BOX, shadow=True)


def test_who_has_changed_which_version_runs_is_on_record(
    workflows: WorkflowStore, database: Database, tmp_path: Path
) -> None:
    workflows.add("lungs", BOX)
    workflows.add("lungs", changed(tmp_path / "newer", '"1.0.0"', '"1.1.0"'), shadow=True)
    workflows.promote("lungs", "box", "1.1.0")
    workflows.disable("lungs", "box")
    events = [one for one in AuditLog(database).list() if one.action.endswith(("workflow", "as shadow"))]
    assert [(one.action, one.detail.partition(" (")[0]) for one in events] == [
        ("disable workflow", "box 1.1.0"),
        ("promote workflow", "box 1.1.0"),
        ("add workflow as shadow", "box 1.1.0"),
        ("add workflow", "box 1.0.0"),
    ]


def test_a_version_whose_package_is_gone_is_not_enabled(workflows: WorkflowStore, tmp_path: Path) -> None:
    workflows.add("lungs", BOX)
    (disabled,) = workflows.disable("lungs", "box")
    shutil.rmtree(tmp_path / "packages")
    with pytest.raises(NotFound, match="is not in"):
        workflows.enable("lungs", "box")
    assert workflows.list() == [disabled]


ITS_OWN = """ARG BASE=python:3.11
FROM ${BASE}
# wheels/ is there
COPY requirements.txt \\
     /tmp/
RUN python3 -m venv /opt/venv \\
 && /opt/venv/bin/pip install -r /tmp/requirements.txt
COPY . /app
WORKDIR /app
"""


@pytest.mark.parametrize(
    "command", [["python", "main.py"], ["python", "-u", "src/main.py", "{}"], ["./run"], ["go.sh"]]
)
@pytest.mark.parametrize("dockerfile", ["", ITS_OWN])
def test_a_program_of_the_package_that_is_not_there_is_refused(
    workflows: WorkflowStore, tmp_path: Path, command: list[str], dockerfile: str
) -> None:
    folder = with_command(tmp_path / "box", command, dockerfile)
    with pytest.raises(ConfigurationError, match=r"names \S+, which is not in "):
        workflows.add("lungs", folder)
    assert workflows.list() == []
    program = folder / next(word for word in command if word.endswith((".py", ".sh", "run")))
    program.parent.mkdir(exist_ok=True)
    program.touch()
    assert workflows.add("lungs", folder).enabled


@pytest.mark.parametrize(
    ("command", "dockerfile"),
    [
        (["python", "-m", "segment", "main.py"], ""),
        (["bash", "-c", "exec main.py"], ""),
        (["/opt/main.py"], ""),
        (["python", "/opt/main.py"], ""),
        (["segment", "{input}", "{output}/made.py"], ""),
        (["python", "main.py"], "FROM nnunet:2\nCOPY . /app"),
        (["python", "main.py"], ITS_OWN + "COPY --from=nnunet:2 /program /app"),
        (["python", "main.py"], ITS_OWN + "RUN tar xf program.tgz"),
        (["python", "main.py"], ITS_OWN + "ADD https://example.org/program /app/"),
        (["python", "main.py"], ITS_OWN + "COPY box.py /app/main.py"),
        (["python", "other/box.py"], ITS_OWN + "COPY box.py /app/other/"),
    ],
)
def test_a_program_that_the_image_may_bring_is_not_asked_for(
    workflows: WorkflowStore, tmp_path: Path, command: list[str], dockerfile: str
) -> None:
    assert workflows.add("lungs", with_command(tmp_path / "box", command, dockerfile)).enabled


def with_command(folder: Path, command: list[str], dockerfile: str) -> Path:
    """A copy of the package `box` with another command, and with a Dockerfile of its own if that is not empty."""
    changed(folder, '["python", "box.py"]', json.dumps(command))
    if dockerfile:
        (folder / "Dockerfile").write_text(dockerfile)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "error", "told"),
    [
        ('on = "CT"', 'on = "MR"', ConfigurationError, "MR is no name in its select statement"),
        ("Modality = CT", "Modallity = CT", SelectError, "Modallity"),
        ("value = 1\n", "value = 2\n", ManifestError, "masks"),
    ],
)
def test_a_package_with_faults_is_not_installed(
    workflows: WorkflowStore, tmp_path: Path, old: str, new: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        workflows.add("lungs", changed(tmp_path / "box", old, new))
    assert workflows.list() == []
    assert not (tmp_path / "packages").exists()


def test_faults_of_a_select_statement_are_told_with_those_of_the_manifest(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    folder = changed(tmp_path / "box", "Modality = CT", "Modallity = CT")
    manifest = (folder / "workflow.toml").read_text().replace("version", "color")
    (folder / "workflow.toml").write_text(manifest)
    with pytest.raises(ManifestError, match="3 faults") as told:
        workflows.add("lungs", folder)
    assert [fault.path for fault in told.value.faults] == ["color", "version", "select"]
    assert "Modallity" in told.value.faults[-1].message
    with pytest.raises(ManifestError) as told:
        workflows.add("lungs", older(tmp_path / "old", "select series where Modality is CT", docker_image=5))
    assert {fault.path for fault in told.value.faults} == {"docker_image", "select"}


def older(folder: Path, select: str = "Select series where Modality = MR", **settings: object) -> Path:
    """An older package in a folder that is made."""
    folder.mkdir()
    (folder / "select.statement").write_text(json.dumps({"select": select, **settings}))
    return folder


@pytest.mark.parametrize("first", ["digit", "letter"])
def test_an_older_package_that_only_docker_can_run_is_refused_by_its_name(
    workflows: WorkflowStore, tmp_path: Path, first: str
) -> None:
    runtime = ProcessRuntime(tmp_path / "runtime")

    def prepare(package: Package) -> None:
        runtime.prepare(package)

    # The installed copy lies in a folder that is called as the digest.
    folder = older(tmp_path / "old", docker_image="nosuch/image:1")
    for number in itertools.count():
        (folder / "about.txt").write_text(str(number))
        if Package.load(folder).digest[0].isdigit() == (first == "digit"):
            break
    with pytest.raises(ImageError) as refused:
        workflows.add("lungs", folder, prepare)
    assert str(refused.value).splitlines() == [
        "old brings no program, only a container image",
        "Run it with Docker, or give it a workflow.toml with a command, and its program.",
    ]
    assert workflows.list() == []


def test_an_older_package_keeps_the_name_of_its_folder(workflows: WorkflowStore, tmp_path: Path) -> None:
    folder = older(tmp_path / "Hippocampus volume", ROR_CONT_OPTIONS="", docker_image="hippo:1")
    added = workflows.add("lungs", folder)
    package = workflows.package(added.name, added.digest)
    assert (added.name, package.manifest.name, package.docker_image) == (
        "hippocampus_volume",
        "hippocampus_volume",
        "hippo:1",
    )


def test_links_within_a_package_stay_links_and_others_are_refused(
    workflows: WorkflowStore, tmp_path: Path
) -> None:
    folder = tmp_path / "linked"
    shutil.copytree(BOX, folder)
    (folder / "again.toml").symlink_to("workflow.toml")
    added = workflows.add("lungs", folder)
    kept = workflows.package(added.name, added.digest)
    assert kept.digest == added.digest and (kept.folder / "again.toml").is_symlink()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="links out of the package: out"):
        workflows.add("lungs", folder)


@pytest.mark.parametrize("odd", ["pipe", "loop"])
def test_a_package_with_what_cannot_be_kept_is_refused(
    workflows: WorkflowStore, tmp_path: Path, odd: str
) -> None:
    folder = changed(tmp_path / "box")
    if odd == "pipe":
        os.mkfifo(folder / "pipe")
    else:
        (folder / "loop").symlink_to("loop")
    with pytest.raises(ManifestError) as refused:
        workflows.add("lungs", folder)
    what, which = str(refused.value).splitlines()
    assert what == f"{folder}: 1 fault" and which.startswith(f"  {odd}: is a ")
    assert workflows.list() == []


def test_only_what_counts_is_kept_of_a_package(workflows: WorkflowStore, tmp_path: Path) -> None:
    folder = changed(tmp_path / "box")
    (folder / ".venv").mkdir()
    os.mkfifo(folder / ".venv" / "pipe")
    (folder / "box.py").chmod(0o755)
    added = workflows.add("lungs", folder)
    kept = workflows.package(added.name, added.digest)
    assert kept.digest == added.digest
    assert sorted(path.name for path in kept.folder.iterdir()) == sorted(path.name for path in BOX.iterdir())


def test_a_package_that_is_gone_is_told(workflows: WorkflowStore, tmp_path: Path) -> None:
    added = workflows.add("lungs", BOX)
    shutil.rmtree(tmp_path / "packages")
    with pytest.raises(NotFound, match="is not in"):
        workflows.package(added.name, added.digest)
