"""The command line: help with examples, errors in two lines, JSON for machines."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from inspect import cleandoc
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest

from ror.app import App
from ror.archive.attributes import Description
from ror.archive.store import Filed
from ror.cli import cli
from ror.cli.faults import told_in_two_lines
from ror.engine import HeldJobs, Hold, JobStore
from ror.model import Job, JobSeries, JobState
from ror.registry import Project
from tests.support.docker_daemon import BASE_IMAGE

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
DOCTORED = (
    "settings",
    "database",
    "versions",
    "disk",
    "clock",
    "port of listener",
    "runtime docker",
    "runtime process",
    "cards",
    "projects",
    "secrets",
    "packages",
)


@dataclass(frozen=True)
class Said:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Home:
    """A home folder, and `ror` in it, as `ror.cli.main` runs it but in this process."""

    folder: Path

    def ror(self, *words: str) -> Said:
        out, err = StringIO(), StringIO()
        code = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                with told_in_two_lines():
                    cli.main(["--home", str(self.folder), *words], prog_name="ror")
            except SystemExit as end:
                code = int(end.code or 0)
        return Said(code, out.getvalue(), err.getvalue())

    def good(self, *words: str) -> str:
        said = self.ror(*words)
        assert said.code == 0, said.err
        return said.out

    def settings(self, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "ror.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def with_job(home: Home) -> Iterator[str]:
    """A home with a project, a workflow and one queued job; gives the job's id."""
    app = App(home.folder)
    app.projects.add(Project("lungs"))
    workflow = app.workflows.add("lungs", BOX)
    series = (JobSeries("CT", "1.2", "1.1", "c"),)
    job = Job("box-0123", "lungs", "box", "1.0.0", workflow.digest, "P", "1.1", "k", series, JobState.QUEUED)
    with app.database.write() as connection:
        JobStore(app.database).create(connection, job)
    app.close()
    yield job.id


def commands(group: click.Group | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    group = group or cli
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def command_of(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


ALL = list(commands())
# `ror select` answers with more than a list: test_select.py; `ror reidentify` wants somebody: test_who_commands.py;
# `ror deid run` and `ror import` want a folder: test_deid_run.py, test_import_command.py; `ror pull` a PACS:
# test_pull_command.py; `ror route test` a file, `ror quarantine show` an object: test_route_commands.py,
# test_quarantine_commands.py; `ror redcap check` a REDCap: test_redcap_commands.py; `ror config` and `status` the
# folder of a workflow: test_develop_commands.py; `ror workflow compare` jobs of two versions: test_shadow.py.
LISTS = [
    path
    for path in ALL
    if "--json" in {o for p in command_of(path).params for o in p.opts}
    and path[0] not in ("select", "reidentify", "import", "pull", "config", "status", "annotate")
    and path not in {("deid", "run"), ("route", "test"), ("quarantine", "show"), ("redcap", "check")}
    and path != ("project", "withdraw")  # wants a study: tests of withdrawals
    and path != ("workflow", "compare")
]


# -- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_every_help_ends_in_an_example_that_parses(path: tuple[str, ...], tmp_path: Path, home: Home) -> None:
    text = cleandoc(command_of(path).help or "")
    *_, example = text.splitlines()
    assert example.startswith("Example: "), text
    assert example in " ".join(home.good(*path, "--help").split())
    words = shlex.split(example.removeprefix("Example: ").partition(">")[0])
    while "=" in words[0]:
        words.pop(0)
    assert words.pop(0) == "ror"
    if words[0] == "--home":
        words = words[2:]
    called = [name for name in ALL if list(name) == words[: len(name)]]
    assert called, example
    deepest = max(called, key=len)
    assert deepest[: len(path)] == path
    command_of(deepest).make_context(" ".join(deepest), words[len(deepest) :], obj=tmp_path)


def test_the_help_of_ror_lists_every_command(home: Home) -> None:
    listed = home.good("--help").partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.strip()] == sorted(
        path[0] for path in ALL if len(path) == 1
    )


def test_help_loads_no_heavy_library() -> None:
    heavy = ("dbos", "sqlalchemy", "pydicom", "pynetdicom", "numpy", "docker", "highdicom", "pydantic")
    code = (
        "import sys\nfrom ror.cli import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_installed_command_tells_its_version() -> None:
    ror = Path(sys.executable).parent / "ror"
    done = subprocess.run([ror, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ror, version ")


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("jobs", "show", "nobody"), "there is no job nobody"),
        (("jobs", "logs", "nobody"), "there is no job nobody"),
        (("jobs", "retry", "nobody"), "there is no job nobody"),
        (("jobs", "cancel", "nobody"), "there is no job nobody"),
        (("jobs", "why", "1.2.3"), "there is no study 1.2.3"),
        (("jobs", "logs", "box-0123"), "has written no log yet"),
        (("jobs", "retry", "box-0123"), "box-0123 is queued"),
        (("project", "add", "lungs"), "there is a project lungs already"),
        (("project", "add", "../lungs"), "is no project name"),
        (("project", "add", "heads", "--pacs", "x"), "ror.toml has no section [pacs.x]"),
        (("project", "add", "heads", "--keep", "PatientName"), "PatientName"),
        (("project", "change", "heads"), "there is no project heads"),
        (("route", "add", "heads", "--from", "CT"), "there is no project heads"),
        (("route", "add", "lungs", "--from", "A" * 17), "is no AE title"),
        (("route", "remove", "lungs", "--from", "CT"), "there is no route CT → * to project lungs"),
        (("jobs", "match", "1.2.3"), "there is no study 1.2.3"),
        (("jobs", "match", "--project", "heads"), "there is no project heads"),
        (("workflow", "add", str(BOX), "--project", "heads"), "there is no project heads"),
        (("workflow", "disable", "box", "--project", "heads"), "there is no project heads"),
        (("workflow", "disable", "nobody", "--project", "lungs"), "no enabled workflow nobody"),
        (("workflow", "promote", "box", "2", "--project", "lungs"), "no such version"),
        (("workflow", "versions", "nobody", "--project", "lungs"), "has no workflow nobody"),
        (
            ("workflow", "compare", "box", "1.0.0", "--project", "lungs"),
            "is the current version of lungs itself, or there is none",
        ),
        (("workflow", "disable", "box", "--shadow", "--project", "lungs"), "nothing in the shadow"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else None,
)
@pytest.mark.usefixtures("with_job")
def test_an_error_says_in_two_lines_what_and_what_to_do(
    home: Home, words: tuple[str, ...], told: str
) -> None:
    said = home.ror(*words)
    assert (said.code, said.out) == (1, "")
    what, advice = said.err.splitlines()
    assert what.startswith("ror: ")
    assert told in what
    assert advice.startswith("     ")
    assert advice.strip()


def test_wrong_settings_are_all_told(home: Home) -> None:
    home.settings('[listener]\nport = "x"\n[engine]\nslot = 1')
    said = home.ror("studies")
    assert said.code == 1
    assert "listener.port" in said.err
    assert "engine.slot: unknown key" in said.err


def test_a_database_that_is_not_there_is_told(home: Home, tmp_path: Path) -> None:
    home.settings(f'[database]\nurl = "postgresql://ror:hidden-word@/ror?host={tmp_path}"')
    said = home.ror("studies")
    assert said.code == 1
    assert said.err.startswith("ror: the database does not answer")
    assert "hidden-word" not in said.err
    assert "Traceback" not in said.err


@pytest.mark.usefixtures("with_job")
def test_a_package_with_faults_is_told_with_all_of_them(home: Home, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "workflow.toml").write_text('name = "B!"\nversion = ""\n')
    said = home.ror("workflow", "add", str(tmp_path / "bad"), "--project", "lungs")
    assert said.code == 1
    assert {"name", "version", "command", "select"} <= set(said.err.replace(":", " ").split())


@pytest.mark.parametrize("words", [("project", "add", "lungs"), ("serve",)], ids=" ".join)
@pytest.mark.parametrize("place", ["file/home", "/proc/nowhere/home"])
def test_a_home_that_cannot_be_made_is_told(tmp_path: Path, place: str, words: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")
    said = Home(tmp_path / place).ror(*words)
    assert said.code == 1
    what, advice = said.err.splitlines()
    assert what.startswith(f"ror: the home folder {tmp_path / place} cannot be made: ")
    assert "--home or ROR_HOME" in advice


@pytest.mark.parametrize("exists", [False, True], ids=["absent", "another folder"])
@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list"),
        ("studies",),
        ("measurements", "list"),
        ("project", "list"),
        ("route", "add", "x", "--from", "CT"),
        ("work",),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_a_mistyped_home_is_told_and_not_made(tmp_path: Path, words: tuple[str, ...], exists: bool) -> None:
    typo = tmp_path / "typo"
    if exists:
        typo.mkdir()
    said = Home(typo).ror(*words)
    assert (said.code, said.out) == (1, "")
    what, advice = said.err.splitlines()
    assert what == f"ror: there is no home folder at {typo}"
    assert f"ror --home {typo} project add NAME" in advice
    assert [path for path in tmp_path.rglob("*") if path != typo] == []
    assert typo.exists() == exists


def test_a_real_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), told_in_two_lines():
        raise ZeroDivisionError


# -- JSON and tables --------------------------------------------------------------------------------------------------


def arguments(path: tuple[str, ...]) -> list[str]:
    if path[-1] == "show" and path[0] in ("jobs", "review"):
        return ["box-0123"]
    if path == ("workflow", "versions"):
        return ["box", "--project", "lungs"]
    return ["1.1"] if path == ("jobs", "why") else []


@pytest.mark.parametrize("path", LISTS, ids=" ".join)
@pytest.mark.usefixtures("with_job")
def test_json_parses_and_the_table_has_the_same_columns(home: Home, path: tuple[str, ...]) -> None:
    if path == ("jobs", "why"):
        with App(home.folder).database.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO studies (study_uid, project, patient_id, state, first_received_at, last_received_at)"
                " VALUES ('1.1', 'lungs', 'P', 'matched', 0, 0)"
            )
    said = home.ror(*path, *arguments(path), "--json")
    assert said.code in (0, 1)  # the doctor finds no route
    parsed = json.loads(said.out)
    table = home.ror(*path, *arguments(path)).out
    if isinstance(parsed, list) and path != ("doctor",):
        for row in parsed:
            assert all(column.replace("_", " ") in table for column in row)


def test_jobs_can_be_listed_cancelled_and_retried(home: Home, with_job: str) -> None:
    def listed(*words: str) -> Any:
        return json.loads(home.good("jobs", "list", "--json", *words))

    (job,) = listed()
    assert (job["id"], job["state"], job["project"]) == (with_job, "queued", "lungs")
    assert listed("--state", "failed") == []
    assert home.ror("jobs", "list", "--project", "heads").err.startswith("ror: there is no project heads")
    assert "is cancelled" in home.good("jobs", "cancel", "box-01")  # the beginning of an id will do
    assert listed("--study", "1.1")[0]["state"] == "cancelled"
    assert "is queued again" in home.good("jobs", "retry", with_job)
    assert "box-0123: queued" in home.good("jobs", "show", with_job)


def test_a_job_that_waits_says_what_for_in_one_line(home: Home, with_job: str) -> None:
    app = App(home.folder)
    held, hold = HeldJobs(app.database), Hold(with_job, 1)
    app.jobs.move(with_job, JobState.RUNNING)
    held.begin_step(hold, "execute")
    held.note_step(hold, "execute", "waiting: no image:\n  pulling\n  refused", ended=False)
    (line,) = [one for one in home.good("jobs", "list").splitlines() if with_job in one]
    assert line.rstrip().endswith("waiting: no image: pulling refused")
    assert "waiting: no image: pulling refused" in home.good("jobs", "show", with_job)
    (job,) = json.loads(home.good("jobs", "list", "--json"))
    assert job["detail"] == "waiting: no image:\n  pulling\n  refused"


@pytest.mark.parametrize("columns", [40, 200])
def test_a_long_detail_ends_with_the_terminal_and_is_whole_in_show(
    home: Home, with_job: str, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    detail = "OWN is not there " * 20
    app = App(home.folder)
    app.jobs.move(with_job, JobState.RUNNING)
    app.jobs.move(with_job, JobState.FAILED, detail.strip())
    app.close()
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in (("list",), ("why", with_job)):
        (line,) = [one for one in home.good("jobs", *words).splitlines() if with_job in one]
        cut = line[line.index("OWN") :].rstrip()
        assert cut.endswith("…")
        assert len(cut) == 60 if columns == 40 else columns - 3 < len(line.rstrip()) <= columns
        assert detail.strip() in json.dumps(json.loads(home.good("jobs", *words, "--json")))
    assert detail.strip() in home.good("jobs", "show", with_job)


def test_a_job_that_nobody_has_says_what_it_waits_for(home: Home, with_job: str) -> None:
    told = home.good("jobs", "why", with_job)
    assert "no host has joined: start `ror serve` or `ror work`" in told
    assert home.good("hosts", "list", "--json").strip() == "[]"
    for command in ("drain", "resume", "remove"):
        said = home.ror("hosts", command, "nobody")
        assert said.code == 1
        assert "there is no host nobody" in said.err


def receive_study(home: Home) -> None:
    """A settled study of the project lungs, of which the workflow `box` wants a job."""
    app = App(home.folder)
    for number in range(4):
        values = {"Modality": ["CT"]}
        one = Description("P", "1.1", "1.2", f"1.2.{number}", "1.2.840.10008.5.1.4.1.1.2", values)
        app.index.add("lungs", one, Filed(f"lungs/{number}.dcm", "ab" * 32, new=True), "", now=0.0)
    app.index.settle(0.0, now=1.0)
    app.close()


@pytest.mark.usefixtures("with_job")
def test_why_and_match_tell_which_jobs_are_queued(home: Home) -> None:
    receive_study(home)
    (wanted,) = json.loads(home.good("jobs", "why", "1.1", "--json"))
    assert (wanted["state"], wanted["reason"] != "") == ("not queued", True)
    (matched,) = json.loads(home.good("jobs", "match", "--project", "lungs", "--json"))
    assert matched == {"study_uid": "1.1", "new_jobs": [wanted["job"]], "reason": ""}
    (queued,) = json.loads(home.good("jobs", "why", "1.1", "--json"))
    assert queued == wanted | {"state": "queued", "reason": ""}
    assert "nothing new" in home.good("jobs", "match", "1.1")
    assert "nothing new" in home.good("jobs", "match")
    both = home.ror("jobs", "match", "1.1", "--project", "lungs")
    assert (both.code, "not both" in both.err) == (2, True)
    home.good("workflow", "disable", "box", "--project", "lungs")
    assert "no enabled workflow" in home.ror("jobs", "why", "1.1").err


def test_logs_are_printed_as_they_are(home: Home, with_job: str) -> None:
    file = App(home.folder).home.job(with_job).log
    file.parent.mkdir(parents=True)
    assert str(file) not in home.good("jobs", "show", with_job)
    file.write_bytes(b"[bold]line\n\xff\n")
    assert f"  log      {file}\n" in home.good("jobs", "show", with_job)
    assert home.good("jobs", "logs", with_job) == "[bold]line\n\N{REPLACEMENT CHARACTER}\n"


def test_projects_and_routes_are_made_and_listed(home: Home) -> None:
    home.settings('[pacs.research]\nhost = "h"\nport = 104\nae_title = "P"')
    told = home.good("project", "add", "lungs", "--pacs", "research", "--keep", "PatientSex")
    assert str(home.folder / "secrets" / "lungs.key") in told
    change = ("project", "change", "lungs", "--redcap-url", "https://redcap.example.org/api/")
    assert home.good(*change).startswith("project lungs: redcap_url changed\n")
    assert home.good(*change).startswith("project lungs: nothing changed\n")
    (project,) = json.loads(home.good("project", "list", "--json"))
    assert (project["pacs"], project["keep"]) == (["research"], ["PatientSex"])
    assert project["redcap_url"] == "https://redcap.example.org/api/"
    nobody = home.ror("route", "add", "lungs")  # anybody is said with '*'
    assert nobody.code == 2 and "Missing option '--from'" in nobody.err
    home.good("route", "add", "lungs", "--from", "CT")
    (route,) = json.loads(home.good("route", "list", "--json"))
    assert (route["from"], route["to"], route["address"], route["project"]) == ("CT", "*", "*", "lungs")
    home.good("route", "remove", "lungs", "--from", "CT")
    assert json.loads(home.good("route", "list", "--json")) == []


@pytest.mark.usefixtures("with_job")
def test_workflows_are_disabled_and_enabled_and_say_who_gets_them(home: Home) -> None:
    def enabled() -> list[bool]:
        return [one["state"] == "current" for one in json.loads(home.good("workflow", "list", "--json"))]

    assert "is disabled in lungs" in home.good("workflow", "disable", "box", "--project", "lungs")
    assert enabled() == [False]
    told = home.good("workflow", "enable", "box", "--project", "lungs")
    assert "is enabled in lungs" in told
    assert "ror jobs match --project lungs" in told
    assert enabled() == [True]
    again = home.good("workflow", "add", str(BOX), "--project", "lungs", "--no-prepare")
    assert "ror jobs match --project lungs" in again


@pytest.mark.usefixtures("with_job")
def test_a_workflow_is_added_from_its_archive(home: Home, tmp_path: Path) -> None:
    home.settings('[engine]\nruntime = "process"')
    archive = shutil.make_archive(str(tmp_path / "box"), "gztar", BOX.parent, BOX.name)
    said = home.ror("workflow", "add", archive, "--project", "lungs", "--no-prepare")
    assert (said.code, said.err) == (0, "")  # the same content as that of the folder
    assert len(json.loads(home.good("workflow", "list", "--json"))) == 1
    shutil.copytree(BOX, tmp_path / "other")
    (tmp_path / "other" / "more.txt").write_text("more")
    said = home.ror("workflow", "add", str(tmp_path / "other"), "--project", "lungs", "--no-prepare")
    assert (said.code, "there was another box 1.0.0" in said.err) == (0, True)


@pytest.mark.parametrize("source", ["./bix", "bix/", "../box.tar.gz", "box.tar", "~/box"])
@pytest.mark.usefixtures("with_job")
def test_a_path_with_nothing_there_is_no_name_of_an_image(source: str, home: Home) -> None:
    said = home.ror("workflow", "add", source, "--project", "lungs")
    assert (said.code, f"there is no folder or file {source}" in said.err) == (1, True)


@pytest.mark.usefixtures("with_job")
def test_a_workflow_that_cannot_be_built_leaves_the_older_one_enabled(home: Home, tmp_path: Path) -> None:
    home.settings('[engine]\nruntime = "process"')
    before = home.good("workflow", "list")
    shutil.copytree(BOX, tmp_path / "newer")
    (tmp_path / "newer" / "requirements.txt").write_text("./no-such-package\n")
    said = home.ror("workflow", "add", str(tmp_path / "newer"), "--project", "lungs")
    assert said.code == 1
    assert "cannot be installed" in said.err
    assert home.good("workflow", "list") == before


def test_measurements_come_as_csv_with_a_header(home: Home) -> None:
    home.settings("")
    assert home.good("measurements", "export").startswith("project,record_id,")


def test_the_home_may_stand_behind_the_command_too(home: Home, tmp_path: Path) -> None:
    home.settings("")
    home.good("project", "add", "lungs", "--home", str(tmp_path / "other"))
    assert json.loads(home.good("project", "list", "--json")) == []
    assert json.loads(home.good("project", "list", "--json", "--home", str(tmp_path / "other")))


def test_the_home_may_be_in_the_environment(tmp_path: Path) -> None:
    ror = Path(sys.executable).parent / "ror"
    environment = os.environ | {"ROR_HOME": str(tmp_path / "home")}
    subprocess.run([ror, "project", "add", "lungs"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "home" / "secrets" / "lungs.key").exists()


# -- doctor -----------------------------------------------------------------------------------------------------------


def test_the_doctor_says_what_is_well_and_how_to_mend_the_rest(home: Home) -> None:
    home.settings('[listener]\nreserve_mib = 0\n[engine]\nruntime = "process"')
    said = home.ror("doctor")
    assert said.code == 1
    assert [one["what"] for one in json.loads(home.ror("doctor", "--json").out)] == list(DOCTORED)
    assert "FAIL  projects: 0 projects, 0 routes, 0 enabled workflows" in said.out
    assert "→ ror project add NAME" in said.out
    assert "ok    runtime process: ready" in said.out
    home.good("project", "add", "lungs")
    home.good("route", "add", "lungs", "--from", "*")
    assert home.ror("doctor").code == 0


def test_the_doctor_says_whether_there_are_settings(home: Home) -> None:
    home.good("project", "add", "lungs")
    file = home.folder / "ror.toml"
    assert f"ok    settings: no {file}, so all have their defaults" in home.ror("doctor").out
    home.settings("")
    assert f"ok    settings: {file}\n" in home.ror("doctor").out


@pytest.mark.docker
@pytest.mark.parametrize("runtime", ["docker", "auto"])
def test_the_doctor_tells_a_missing_base_image(
    home: Home, docker_host: str, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    home.settings(f'[engine]\nruntime = "{runtime}"\nbase_image = "no-such-base:1"')
    said = home.ror("doctor")
    assert "FAIL  runtime docker: the base image no-such-base:1 is not on this machine" in said.out
    assert "docker pull no-such-base:1" in said.out
    home.settings(f'[engine]\nruntime = "{runtime}"\nbase_image = "{BASE_IMAGE}"')
    assert "ok    runtime docker: ready" in home.ror("doctor").out


def test_the_doctor_asks_every_pacs(home: Home) -> None:
    home.settings('[pacs.research]\nhost = "127.0.0.1"\nport = 1\nae_title = "P"')
    home.good("project", "add", "lungs", "--pacs", "research")
    assert "FAIL  PACS research: P at 127.0.0.1:1: " in home.ror("doctor").out


def test_the_doctor_tells_a_lost_secret(home: Home) -> None:
    home.good("project", "add", "lungs")
    (home.folder / "secrets" / "lungs.key").unlink()
    said = home.ror("doctor")
    assert said.code == 1
    assert "FAIL  secret lungs: the secret of project lungs cannot be read" in said.out
