"""Workflows that are sent: installed as an administrator would, and whatever is wrong with them told and not kept."""

from __future__ import annotations

import io
import json
import socket
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from containers import Package
from ror.app import App
from ror.develop.submitting import packed
from ror.registry import Right
from ror.web import serving
from tests.support.serving import eventually
from tests.web.conftest import SETTINGS as WEB
from tests.web.conftest import Web, serving_at

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
SETTINGS = (
    'max_package_mib = 1\nmax_image_mib = 3\nunsandboxed_submissions = true\n[engine]\nruntime = "process"\n'
)


@pytest.fixture
def web(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Web]:
    with serving_at(tmp_path, migrated_sqlite, SETTINGS, patience_seconds=30) as web:
        yield web


def token(web: Web, project: str = "lungs", name: str = "developer") -> str:
    return web.app.tokens.add(name, project, frozenset({Right.SUBMIT}))


def sent(web: Web, body: Any, shown: str, kind: str = "application/gzip") -> requests.Response:
    headers = {"Authorization": f"Bearer {shown}", "Content-Type": kind}
    return requests.post(f"http://127.0.0.1:{web.port}/workflows", body, headers=headers, timeout=300)


def box() -> bytes:
    with packed(Package.load(BOX)) as stream:
        return stream.read()


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def file(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def special(name: str, kind: bytes, leads_to: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, leads_to
    return member, b""


def nothing_is_left(web: Web) -> bool:
    folder = web.app.home.submissions
    return not folder.exists() or not list(folder.iterdir())


def test_a_package_is_installed_enabled_and_on_record(web: Web) -> None:
    answered = sent(web, box(), token(web))
    assert answered.status_code == 200
    *told, last = map(json.loads, answered.text.splitlines())
    digest = Package.load(BOX).digest
    facts = {"project": "lungs", "name": "box", "version": "1.0.0", "digest": digest, "queued": 0}
    assert last == {"installed": facts}
    assert any("box runs in process" in one["told"] for one in told)
    (workflow,) = web.app.workflows.list("lungs")
    assert (workflow.digest, workflow.enabled) == (digest, True)
    (record,) = [one for one in web.app.who.audit.list() if one.action == "submit workflow"]
    assert (record.project, record.detail) == ("lungs", f"box 1.0.0 {digest}, by token developer")
    eventually(lambda: nothing_is_left(web))


def test_other_content_under_a_version_that_is_there_is_refused_and_not_kept(web: Web) -> None:
    shown = token(web)
    sent(web, box(), shown)
    members = [file(one.name, one.read_bytes()) for one in BOX.iterdir() if one.is_file()]
    (refused,) = map(json.loads, sent(web, archive(*members, file("more")), shown).text.splitlines())
    assert refused["refused"] == {
        "what": "lungs has box 1.0.0 with other content, or packed in another way",
        "advice": "raise `version` in workflow.toml",
    }
    (workflow,) = web.app.workflows.list("lungs")
    assert (workflow.digest, workflow.enabled) == (Package.load(BOX).digest, True)
    assert [one.name for one in (web.app.home.packages / "box").iterdir()] == [workflow.digest]
    assert '"installed"' in sent(web, box(), shown).text


def test_an_archive_without_a_manifest_is_told_without_a_path_of_ours(web: Web) -> None:
    (last,) = map(json.loads, sent(web, archive(file("index.json")), token(web)).text.splitlines())
    assert last["refused"]["what"].startswith("the archive: 1 fault\n  no workflow.toml here")
    assert str(web.app.home.root) not in json.dumps(last)


def test_a_folder_in_the_archive_may_hold_the_package(web: Web) -> None:
    members = [file(f"box/{one.name}", one.read_bytes()) for one in BOX.iterdir() if one.is_file()]
    assert '"installed"' in sent(web, archive(*members), token(web)).text


def test_only_a_token_that_may_submit_submits_and_it_may_nothing_else(web: Web) -> None:
    for shown, status in ((web.store, 403), (web.read, 403), ("ror_unknown", 401)):
        assert sent(web, box(), shown).status_code == status
    assert web.app.workflows.list() == []
    shown = token(web)
    assert web.get("/studies", token=shown).status_code == 403
    assert web.post(b"", Authorization=f"Bearer {shown}").status_code == 403
    assert "may not submit" in sent(web, box(), web.read).text


def test_the_faults_of_a_package_are_told_to_its_sender_without_a_path_of_ours(web: Web) -> None:
    manifest = b'name = "Box"\nversion = "1"\ncommand = ["x"]\nselect = "select series"\n'
    (last,) = map(
        json.loads, sent(web, archive(file("workflow.toml", manifest)), token(web)).text.splitlines()
    )
    what = last["refused"]["what"]
    assert "workflow.toml" in what and "name" in what and "select" in what
    assert str(web.app.home.root) not in json.dumps(last)
    assert web.app.workflows.list() == []
    assert all(one.action != "submit workflow" for one in web.app.who.audit.list())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"no archive", "no whole .tar.gz"),
        (box()[:300], "no whole .tar.gz"),
        (archive(file("../workflow.toml")), "leads out of it"),
        (archive(file("/tmp/workflow.toml")), "leads out of it"),
        (archive(special("a", tarfile.SYMTYPE, "/etc"), file("a/passwd")), "leads out of it"),
        (archive(special("a", tarfile.SYMTYPE, "/etc"), special("a", tarfile.DIRTYPE)), "leads out of it"),
        (archive(special("a", tarfile.CHRTYPE)), "no file, folder or symbolic link"),
        (archive(special("a", tarfile.LNKTYPE, "/etc/passwd")), "no file, folder or symbolic link"),
        (archive(file("a"), file("a")), "twice in the archive"),
    ],
    # Not by the bytes, which hold the time that they were made at.
    ids=[
        "words",
        "half",
        "above",
        "absolute",
        "through a link",
        "a link again",
        "device",
        "hard link",
        "twice",
    ],
)
def test_what_is_no_archive_of_a_package_is_refused(body: bytes, told: str, web: Web) -> None:
    answered = sent(web, body, token(web))
    assert (answered.status_code, told in answered.text) == (400, True)
    assert nothing_is_left(web)
    assert '"installed"' in sent(web, box(), token(web, name="again")).text


def in_pieces(body: bytes) -> Iterator[bytes]:
    """Sent without a Content-Length."""
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


@pytest.mark.parametrize(
    "body",
    [
        lambda: b"x" * (2**20 + 300_000),
        lambda: in_pieces(b"x" * (2**20 + 300_000)),
        lambda: archive(file("zeros", bytes(2**20 + 1))),
        lambda: archive(*(file(str(number), b"") for number in range(20_001))),
    ],
    ids=["told to be too large", "too large", "too large when unpacked", "too many"],
)
def test_what_is_too_large_is_refused(body: Callable[[], Any], web: Web) -> None:
    assert sent(web, body(), token(web)).status_code == 413
    assert nothing_is_left(web)


def test_what_is_of_another_kind_is_refused(web: Web) -> None:
    assert sent(web, box(), token(web), "application/zip").status_code == 415


def asked(web: Web, shown: str, **of: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {shown}"}
    return requests.get(f"http://127.0.0.1:{web.port}/workflows", of, headers=headers, timeout=300)


def test_it_is_said_beforehand_whether_a_package_would_be_taken(web: Web) -> None:
    shown = token(web)
    for of, status, told in (
        ({"bytes": str(2**20)}, 204, ""),
        ({"bytes": str(2**20 + 1)}, 413, "a package has at most 1 MiB here (web.max_package_mib)"),
        ({"bytes": str(4 * 2**20), "image": "true"}, 413, "at most 3 MiB here (web.max_image_mib)"),
        ({"bytes": "1", "image": "true"}, 409, "the process runtime of this server runs no images"),
        ({"bytes": "many"}, 400, "bytes=N"),
        ({}, 400, "bytes=N"),
    ):
        answered = asked(web, shown, **of)
        assert (answered.status_code, told in answered.text) == (status, True), answered.text
    assert asked(web, web.read, bytes="1").status_code == 403
    assert nothing_is_left(web)


def test_an_image_is_not_taken_where_none_is_run(web: Web) -> None:
    headers = {"Authorization": f"Bearer {token(web)}", "Content-Type": "application/gzip"}
    url = f"http://127.0.0.1:{web.port}/workflows?image=true"
    answered = requests.post(url, box(), headers=headers, timeout=300)
    assert (answered.status_code, "Docker does" in answered.text) == (409, True)
    assert nothing_is_left(web)


def test_one_is_taken_at_a_time_and_one_that_breaks_off_makes_room(web: Web) -> None:
    shown = token(web)
    head = (
        f"POST /workflows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shown}\r\n"
        "Content-Type: application/gzip\r\nContent-Length: 1000\r\n\r\nbegun"
    )
    with socket.create_connection(("127.0.0.1", web.port)) as slow:
        slow.sendall(head.encode())
        eventually(lambda: not nothing_is_left(web))
        busy = sent(web, box(), shown)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "30")
    eventually(lambda: nothing_is_left(web))
    assert '"installed"' in sent(web, box(), shown).text


def test_without_a_sandbox_nothing_is_taken_unless_it_is_set(tmp_path: Path, migrated_sqlite: Path) -> None:
    with serving_at(tmp_path, migrated_sqlite, '[engine]\nruntime = "process"\n', 30) as web:
        answered = sent(web, box(), token(web))
        assert (answered.status_code, "no sandbox" in answered.text) == (403, True)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "ror.toml").write_text(WEB)
    left = tmp_path / "submissions" / "left"
    left.mkdir(parents=True)
    (left / "body").write_bytes(b"x")
    with closing(App(tmp_path)) as app, serving(app):
        assert not left.exists()


def test_without_a_job_there_is_nothing_to_tell(web: Web) -> None:
    shown = token(web)
    url = f"http://127.0.0.1:{web.port}/workflows/box/0123/job"
    answered = requests.get(url, headers={"Authorization": f"Bearer {shown}"}, timeout=300)
    assert (answered.status_code, answered.content) == (204, b"")
