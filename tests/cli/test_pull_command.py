"""``ror pull``: from a real Orthanc by C-GET, C-MOVE, DICOMweb and its change feed, and what is printed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import orthanc
from orthanc import OrthancServer
from tests.cli.test_commands import Home
from tests.support.logging_kept import logging_kept
from tests.support.serving import eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.orthanc
FROM = ("pull", "--from", "research", "--project", "lungs")
ALL = (*FROM, "--query", "PatientID=*")


@pytest.fixture
def pacs(orthanc_web: OrthancServer, tmp_path: Path) -> OrthancServer:
    """With two studies of four objects."""
    for seed in (1, 2):
        orthanc.send(orthanc_web.peer, small_ct(tmp_path / str(seed), seed=seed, slices=4))
    return orthanc_web


@pytest.fixture
def home(pacs: OrthancServer, tmp_path: Path) -> Iterator[Home]:
    """With a project, and the PACS in its settings."""
    home, port = Home(tmp_path / "home"), orthanc.free_port()
    peer, url = pacs.peer, pacs.rest.url
    home.settings(
        f'[listener]\nreserve_mib = 0\nhost = "127.0.0.1"\nport = {port}\n'
        f'[pacs.research]\nhost = "127.0.0.1"\nport = {peer.port}\nae_title = "{peer.ae_title}"\n'
        f'orthanc_url = "{url}"\ndicomweb_url = "{url}/dicom-web"\n'
        f'[pacs.web]\ndicomweb_url = "{url}/dicom-web"\n'
        f'[pacs.away]\nhost = "127.0.0.1"\nport = 1\nae_title = "AWAY"\n'
    )
    requests.put(
        f"{url}/modalities/ror", json={"AET": "ROR", "Host": "127.0.0.1", "Port": port}, timeout=300
    ).raise_for_status()
    home.good("project", "add", "lungs")
    with logging_kept():
        yield home


def test_studies_come_by_c_get_and_are_known_the_next_time(home: Home) -> None:
    assert home.good(*ALL) == (
        "2 studies found, 0 pulled before, 2 pulled now, 0 failed\n"
        "8 objects taken in, 0 were there before, 0 are in quarantine, 0 could not be read\n"
    )
    assert home.good(*ALL) == "2 studies found, 2 pulled before, 0 pulled now, 0 failed\n"
    assert len(json.loads(home.good("studies", "--json"))) == 2


def test_a_section_of_the_web_alone_is_enough(home: Home) -> None:
    said = home.good(
        "pull", "--from", "web", "--project", "lungs", "--query", "ModalitiesInStudy=CT", "--json"
    )
    assert json.loads(said) == {
        "found": 2,
        "pulled_before": 0,
        "pulled": 2,
        "complete": True,
        "objects": {"taken_in": 8, "held": 0, "quarantined": 0, "refused": 0},
        "failed": [],
    }


def test_by_c_move_studies_come_to_our_listener_where_the_route_leads(home: Home) -> None:
    said = home.ror(*ALL, "--by", "move")
    assert said.code == 1
    assert "what WEBPACS sends to ROR goes to no project, not to lungs" in said.err
    assert "ror route add lungs --from WEBPACS" in said.err
    home.good("route", "add", "lungs", "--from", "WEBPACS")
    assert "2 pulled now, 0 failed" in home.good(*ALL, "--by", "move")
    assert len(list((home.folder / "archive").rglob("*.dcm"))) == 8


def test_a_dry_run_fetches_nothing_and_names_studies_as_we_would(home: Home) -> None:
    rows = json.loads(home.good(*ALL, "--dry-run", "--json"))
    assert [(row["objects"], row["modalities"], row["pulled"]) for row in rows] == [(4, ["CT"], False)] * 2
    assert json.loads(home.good("studies", "--json")) == []
    home.good(*ALL)
    assert {row["study_uid"] for row in rows} == {
        row["study_uid"] for row in json.loads(home.good("studies", "--json"))
    }
    assert [row["pulled"] for row in json.loads(home.good(*ALL, "--dry-run", "--json"))] == [True] * 2


def test_a_limit_is_no_failure(home: Home) -> None:
    assert "1 pulled now" in home.good(*ALL, "--limit", "1")
    assert "1 pulled before, 1 pulled now" in home.good(*ALL, "--limit", "1")


def test_a_pacs_that_is_away_is_told_in_two_lines(home: Home) -> None:
    said = home.ror("pull", "--from", "away", "--project", "lungs", "--query", "PatientID=QZ4711")
    assert said.code == 1
    what, advice = said.err.splitlines()
    assert "AWAY at 127.0.0.1:1 cannot be reached" in what
    assert "goes on where it stopped" in advice
    assert "QZ4711" not in said.err + (home.folder / "log" / "ror.log").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "nobody", "--query", "PatientID=1"), "ror.toml has no section [pacs.nobody]"),
        (("--from", "research", "--query", "Nonsense=1"), "Nonsense is no attribute"),
        (("--from", "research", "--query", "PatientID=1", "--between", "noon"), "is no time window"),
        (("--from", "away", "--follow"), "does not say orthanc_url"),
        (("--from", "web", "--query", "PatientID=1", "--by", "get"), "does not say host, port and ae_title"),
    ],
)
def test_what_cannot_be_done_is_told(home: Home, words: tuple[str, ...], told: str) -> None:
    said = home.ror("pull", "--project", "lungs", *words)
    assert (said.code, told in said.err) == (1, True)


@pytest.mark.parametrize(
    "words", [(), ("--once",), ("--follow", "--query", "PatientID=1"), ("--follow", "--dry-run")], ids=str
)
def test_a_command_that_cannot_be_meant_has_exit_code_two(home: Home, words: tuple[str, ...]) -> None:
    assert home.ror(*FROM, *words).code == 2


def test_a_pacs_is_followed_until_somebody_stops_it(home: Home) -> None:
    words = [Path(sys.executable).parent / "ror", "--home", home.folder, *FROM, "--follow"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: len(list((home.folder / "archive").rglob("*.dcm"))) == 8)
        # The journal is written after the last object.
        journal = home.folder / "pulls" / "lungs" / "research.jsonl"
        eventually(lambda: journal.read_text().count("\n") >= 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "2 pulled now" in out
    assert "the same command goes on from here" in err
    once = json.loads(home.good(*FROM, "--follow", "--once", "--json"))
    assert (once["pulled"], once["complete"]) == (0, True)
