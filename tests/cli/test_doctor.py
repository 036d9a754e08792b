"""The doctor looks on when something is broken, and says of each thing how to mend it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import BOX, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is well, but for its missing PACS."""
    made = Home(tmp_path / "home")
    pacs = '[pacs.research]\nhost = "127.0.0.1"\nport = 1\nae_title = "P"\n'
    made.settings(f'[listener]\nreserve_mib = 0\n[engine]\nruntime = "process"\n{pacs}')
    made.good("project", "add", "lungs", "--pacs", "research")
    made.good("project", "add", "heads")
    made.good("route", "add", "lungs", "--from", "CT")
    made.good("workflow", "add", str(BOX), "--project", "lungs", "--no-prepare")
    return made


def rows(home: Home) -> dict[str, dict[str, Any]]:
    """What the doctor tells machines; exit code 1, since the PACS never answers."""
    said = home.ror("doctor", "--json")
    assert (said.code, said.err) == (1, "")
    return {one["what"]: one for one in json.loads(said.out)}


def ill(home: Home) -> dict[str, dict[str, Any]]:
    found = rows(home)
    assert "PACS research" in found
    wrong = {what: one for what, one in found.items() if one["needed"] and not one["well"]}
    assert all(one["mend"] for one in wrong.values())
    return wrong


def test_of_a_home_that_is_well_everything_is(home: Home) -> None:
    assert list(ill(home)) == ["PACS research"]
    said = home.ror("doctor").out
    assert "ok    projects: 2 projects, 1 route, 1 enabled workflow\n" in said
    assert "ok    secrets: 2 files, for their owner only\n" in said
    assert "ok    packages: 1 enabled workflow looked at\n" in said


def test_variables_that_overrule_the_settings_are_named_without_what_they_say(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_LISTENER__SETTLE_SECONDS", "471.1")
    monkeypatch.setenv("ROR_REDCAP_TOKEN_A__B", "hidden-word")
    told = rows(home)["settings"]["told"]
    assert told.endswith("ror.toml, overruled by ROR_LISTENER__SETTLE_SECONDS")
    assert "471" not in told


def test_a_database_that_is_down_hides_no_other_row(home: Home, tmp_path: Path) -> None:
    with (home.folder / "ror.toml").open("a") as settings:
        settings.write(f'[database]\nurl = "postgresql://ror:hidden-word@/ror?host={tmp_path}"')
    found = ill(home)
    assert list(found) == ["database", "PACS research"]
    assert "the database does not answer" in found["database"]["told"]
    assert {"disk", "runtime process"} <= rows(home).keys()
    assert "hidden-word" not in json.dumps(found)


@pytest.mark.parametrize("kept", [0, 5000], ids=["from its first byte", "behind its header"])
def test_a_damaged_database_is_told(home: Home, kept: int) -> None:
    file = home.folder / "ror.sqlite"
    for beside in home.folder.glob("ror.sqlite-*"):
        beside.unlink()
    content = file.read_bytes()
    file.write_bytes(content[:kept] + b"\xa5" * (len(content) - kept))
    found = ill(home)
    assert len(found) > 1
    assert any("is no database" in one["told"] and "backup" in one["mend"] for one in found.values()), found


def test_secrets_that_are_lost_or_too_short_are_each_told(home: Home) -> None:
    (home.folder / "secrets" / "lungs.key").unlink()
    (home.folder / "secrets" / "heads.key").write_text("abcd")
    found = ill(home)
    assert list(found) == ["secret heads", "secret lungs", "PACS research"]
    assert "from a backup" in found["secret lungs"]["mend"]


def test_wrong_settings_are_one_row_with_all_faults(home: Home) -> None:
    home.settings("[listener]\nport = true\n[engine]\nslot = 1")
    (settings,) = rows(home).values()
    assert not settings["well"]
    assert "listener.port: should be a number" in settings["told"]
    assert "engine.slot: unknown key" in settings["told"]
    assert "\n" not in settings["told"]


def test_a_profile_that_is_refused_is_told_of_its_project_and_hides_no_other(home: Home) -> None:
    """An earlier release may have let it through."""
    for number in range(3):
        home.good("project", "add", f"more{number}")
    with sqlite3.connect(home.folder / "ror.sqlite") as database:
        change = "UPDATE projects SET settings = json_set(settings, ?, json(?)) WHERE name = ?"
        database.execute(change, ("$.keep", '["AdmissionID"]', "heads"))
        database.execute(change, ("$.classification", '"{"', "more0"))
        database.execute(change, ("$.profile_toml", '"x = "', "more1"))
    found = ill(home)
    assert list(found) == ["profile heads", "classification more0", "profile more1", "PACS research"]
    assert found["profile heads"]["told"].startswith("keep: AdmissionID identifies the patient.")
    assert "ror project change heads" in found["profile heads"]["mend"]
    assert "not JSON" in found["classification more0"]["told"]


def test_a_package_that_is_gone_or_changed_is_told(home: Home) -> None:
    (package,) = (home.folder / "packages" / "box").iterdir()
    (package / "extra.py").write_text("")
    found = ill(home)["package box"]
    assert "was changed after it was installed" in found["told"]
    assert "ror workflow add FOLDER --project lungs" in found["mend"]
    (package / "workflow.toml").write_text("name = 5")
    assert "name" in ill(home)["package box"]["told"]
    shutil.rmtree(package)
    assert "is not in" in ill(home)["package box"]["told"]


@pytest.mark.parametrize(("name", "mode"), [(".", 0o755), ("lungs.key", 0o644), ("heads.key", 0o640)])
def test_secrets_that_others_may_read_are_told(home: Home, name: str, mode: int) -> None:
    path = home.folder / "secrets" / name
    path.chmod(mode)
    found = ill(home)["secrets"]
    assert found["told"] == f"others may read {path}"
    assert found["mend"].startswith(f"chmod -R go= {home.folder / 'secrets'}")


def test_wheels_that_are_in_no_folder_are_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "wheels" not in rows(home)
    monkeypatch.setenv("ROR_WHEELS", str(tmp_path / "nowhere"))
    assert ill(home)["wheels"]["told"] == f"ROR_WHEELS names no folder: {tmp_path / 'nowhere'}"
    monkeypatch.setenv("ROR_WHEELS", str(tmp_path))
    assert rows(home)["wheels"]["well"]


def test_a_docker_that_is_not_there_is_told_in_one_sentence_and_mended_by_another(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    off = rows(home)["runtime docker"]
    assert (off["well"], off["needed"]) == (False, False)
    assert "Start Docker" not in off["told"]
    home.settings('[engine]\nruntime = "docker"')
    assert rows(home)["runtime docker"]["mend"].startswith("Start Docker (systemctl start docker)")


def test_a_peer_that_no_project_sends_to_need_not_answer(home: Home) -> None:
    """It may only be told of storage commitment, by its own address."""
    home.good("project", "change", "lungs", "--clear", "pacs")
    said = home.ror("doctor")
    assert said.code == 0, said.out
    (line,) = (line for line in said.out.splitlines() if "PACS research" in line)
    assert line.startswith("off ")
    assert line.endswith("; no project sends to it")


def test_files_of_tls_that_cannot_be_used_are_told_by_setting_and_path(home: Home, tmp_path: Path) -> None:
    """Also of a DICOMweb server, of which it said that it answers."""
    (tmp_path / "junk.pem").write_text("no PEM")
    with (home.folder / "ror.toml").open("a") as settings:
        settings.write(
            f'[pacs.web]\ndicomweb_url = "https://127.0.0.1:1"\ntls_ca = "{tmp_path}/no.pem"\n'
            f'[pacs.safe]\nhost = "127.0.0.1"\nport = 1\nae_title = "S"\ntls = true\n'
            f'tls_certificate = "{tmp_path}/junk.pem"\n'
            f'[web]\nenabled = true\ntls_certificate = "{tmp_path}/no.pem"\n'
        )
    text = (home.folder / "ror.toml").read_text()
    tls = f'[listener]\ntls_certificate = "{tmp_path}/junk.pem"\ntls_key = "{tmp_path}/no.key"\n'
    (home.folder / "ror.toml").write_text(text.replace("[listener]\n", tls, 1))
    home.good("project", "change", "lungs", "--pacs", "web", "--pacs", "safe")
    found = ill(home)
    assert found["PACS web"]["told"] == f"pacs.web.tls_ca: {tmp_path}/no.pem: No such file or directory"
    assert found["PACS safe"]["told"].startswith(
        f"pacs.safe.tls_certificate: {tmp_path}/junk.pem: no certificate"
    )
    assert found["TLS of web"]["told"].startswith(f"web.tls_certificate: {tmp_path}/no.pem: No such file")
    assert found["TLS of listener"]["told"].startswith(f"listener.tls_key: {tmp_path}/no.key: No such file")
