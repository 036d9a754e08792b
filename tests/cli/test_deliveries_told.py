"""What is told of deliveries: `ror jobs show` of each destination, `ror doctor` of each ``[pacs.NAME]``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orthanc import free_port
from ror.app import App
from ror.engine import JobStore
from ror.model import Job, JobState
from ror.results import MadeObject
from tests.cli.test_commands import Home
from tests.engine.test_jobs import a_job, bring
from tests.results.own_pacs import OwnPacs


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    settings = [f'[pacs.{name}]\nfolder = "/mnt/{name}"\n' for name in ("clinic", "main", "research")]
    made.settings("".join(settings))
    made.good("project", "add", "lungs", "--pacs", "main", "--pacs", "clinic", "--pacs", "research")
    return made


def job_with_three_results(home: Home) -> Job:
    """Main has shown all, research one of two, clinic has none."""
    job, uids = a_job(), ["1.1", "1.2", "1.3"]
    app = App(home.folder)
    with app.database.write() as connection:
        JobStore(app.database).create(connection, job)
    bring(app.database, job, JobState.RUNNING)
    app.ledger.set_made(job.id, [MadeObject(uid, "SEG", "1.2", "1.3", "1.1", "x") for uid in uids])
    app.ledger.note_delivered("main", uids, 1e9)
    app.ledger.note_confirmed("main", uids, "C-FIND", 1e9)
    app.ledger.note_delivered("research", uids[:2], 1e9)
    app.ledger.note_confirmed("research", uids[:1], "QIDO-RS", 1e9)
    app.close()
    return job


def test_a_job_says_of_each_destination_how_far_its_results_are(home: Home) -> None:
    job = job_with_three_results(home)
    shown = home.good("jobs", "show", job.id)
    told = {line.split()[1]: line.strip() for line in shown.splitlines() if line.startswith("  →")}
    assert told["main:"].endswith(" confirmed by C-FIND")
    assert told["research:"].endswith(" 2 of 3 sent, 1 confirmed by QIDO-RS")
    assert told["clinic:"] == "→ clinic: 0 of 3 sent, not confirmed"


def test_machines_get_the_same(home: Home) -> None:
    job = job_with_three_results(home)
    clinic, main, research = json.loads(home.good("jobs", "show", job.id, "--json"))["deliveries"]
    assert (clinic["destination"], clinic["made"], clinic["delivered"]) == ("clinic", 3, 0)
    assert (main["delivered"], main["confirmed"], main["confirmed_by"], main["last_at"]) == (
        3,
        3,
        "C-FIND",
        1e9,
    )
    assert (research["delivered"], research["confirmed"]) == (2, 1)


def findings(home: Home, settings: str) -> dict[str, tuple[bool, str]]:
    home.settings(f'[listener]\nreserve_mib = 0\n[engine]\nruntime = "process"\n{settings}')
    said = json.loads(home.ror("doctor", "--json").out)
    return {one["what"]: (one["well"], one["told"]) for one in said if one["what"].startswith("PACS")}


def test_the_doctor_says_of_each_pacs_whether_it_confirms(home: Home, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    sections = [
        f'[pacs.folder]\nfolder = "{tmp_path}/there"',
        f'[pacs.unmounted]\nfolder = "{tmp_path}/unmounted"',
        f'[pacs.web]\ndicomweb_url = "http://127.0.0.1:{free_port()}"',
        "[pacs.own]\narchive = true",
        '[pacs.rest]\northanc_url = "http://127.0.0.1:1"',
    ]
    with (
        OwnPacs().running() as asked,
        OwnPacs(offers_find=False).running() as mute,
        OwnPacs(offers_commitment=True).running() as committing,
    ):
        for name, port in (("asked", asked.port), ("mute", mute.port)):
            sections.append(f'[pacs.{name}]\nhost = "127.0.0.1"\nport = {port}\nae_title = "OWN"')
        sections.append(f'{sections[-1].replace("mute", "strict")}\nconfirm = "find"')
        for name, port, must in (
            ("commits", committing.port, "true"),
            ("would", asked.port, "true"),
            ("might", asked.port, '"auto"'),
        ):
            address = f'host = "127.0.0.1"\nport = {port}\nae_title = "OWN"'
            sections.append(f"[pacs.{name}]\n{address}\ncommitment = {must}")
        found = findings(home, "\n".join(sections))
    assert found["PACS folder"] == (True, f"{tmp_path}/there can be written")
    assert found["PACS unmounted"][0] is False
    assert found["PACS web"][0] is False
    assert "does not answer" in found["PACS web"][1]
    assert found["PACS asked"] == (True, f"OWN at 127.0.0.1:{asked.port} answers, confirms by C-FIND")
    well, told = found["PACS mute"]
    assert well
    assert f"confirms nothing (OWN at 127.0.0.1:{mute.port} offers us no C-FIND: it accepts none of" in told
    assert found["PACS strict"][0] is False
    assert found["PACS commits"] == (
        True,
        f"OWN at 127.0.0.1:{committing.port} answers, confirms by commitment",
    )
    well, told = found["PACS would"]
    assert not well and "offers us no storage commitment" in told
    well, told = found["PACS might"]
    assert well and "confirms by C-FIND (OWN at" in told and "offers us no storage commitment" in told
    assert found["PACS own"] == (True, f"the archive of ror: {home.folder} can be written")
    assert "PACS rest" not in found  # nothing can be sent to it
