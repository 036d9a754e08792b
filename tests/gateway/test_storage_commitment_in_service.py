"""Storage commitment by `ror serve`: a real PACS that asks for it, `kill -9` in between, and what the doctor tells."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from pynetdicom.presentation import build_context

from examples.demo.service import Installation
from orthanc import OrthancServer, send
from orthanc.dimse.association import associate
from ror.app import App
from ror.config import PacsSettings
from ror.db import Database
from ror.gateway.services.pending import Commitment, PendingCommitments
from ror.registry import ANY, Project, Route, Sender
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.cli.test_commands import Home
from tests.gateway.asking import (
    COMMITMENT,
    COMMITMENT_INSTANCE,
    DEADLINE_SECONDS,
    Served,
    Workstation,
    commitment_request,
)
from tests.gateway.conftest import Gateway
from tests.support.serving import Serving, eventually

UID = f"{ROOT}.4.1"


@pytest.mark.orthanc
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_orthanc_stores_and_is_told_that_it_may_delete(
    gateway: Gateway, database: Database, orthanc_pacs: OrthancServer
) -> None:
    gateway.routes.add(Route(ANY, ANY, "lungs"))
    url, us = orthanc_pacs.rest.url, orthanc_pacs.peer
    answer = requests.post(f"{url}/instances", data=part10(minimal(SOPInstanceUID=UID)), timeout=30)
    answer.raise_for_status()
    with Served(gateway, database) as served:
        served.pacs["orthanc"] = PacsSettings(host=us.host, port=us.port, ae_title=us.ae_title)
        modality = {
            "AET": "ROR",
            "Host": "127.0.0.1",
            "Port": served.listener.port,
            "AllowStorageCommitment": True,
        }
        requests.put(f"{url}/modalities/ror", json=modality, timeout=30).raise_for_status()
        asked = {"Resources": [answer.json()["ID"]], "StorageCommitment": True}
        stored = requests.post(f"{url}/modalities/ror/store", json=asked, timeout=60)
        stored.raise_for_status()
        transaction = stored.json()["StorageCommitmentTransactionUID"]

        def told() -> Any:
            report = requests.get(f"{url}/storage-commitment/{transaction}", timeout=30).json()
            return report if report["Status"] != "Pending" else None

        report = eventually(told)
    assert (report["Status"], report["RemoteAET"]) == ("Success", "ROR")
    assert [one["SOPInstanceUID"] for one in report["Success"]] == [UID]


def test_a_request_that_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.configure("process", settle_seconds=3600)
    with closing(App(installation.home)) as app:
        app.projects.add(Project("lungs"))
        app.routes.add(Route(ANY, ANY, "lungs"))
    file = tmp_path / "1.dcm"
    file.write_bytes(part10(minimal(SOPInstanceUID=UID)))
    with Serving(installation) as serving:
        send(serving.peer, [file])
        data = commitment_request("1.2.3", UID)
        with associate(serving.peer, [build_context(COMMITMENT)], DEADLINE_SECONDS) as association:
            status, _ = association.send_n_action(data, 1, COMMITMENT, COMMITMENT_INSTANCE)
            serving.kill()
        assert status.Status == 0
        with Workstation() as workstation:
            section = (
                f'[pacs.ct]\nhost = "127.0.0.1"\nport = {workstation.settings.port}\nae_title = "SCANNER"\n'
            )
            with (installation.home / "ror.toml").open("a") as settings:
                settings.write(section)
            serving.start()
            event, report = workstation.report()
            assert (event, report.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) == (1, UID)
            pending = PendingCommitments(installation.home / "quarantine")
            eventually(lambda: pending.waiting() == [])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.settings('[engine]\nruntime = "process"\n[listener]\nreserve_mib = 0\n')
    made.good("project", "add", "lungs")
    made.good("route", "add", "lungs", "--from", "CT")
    return made


def told_by_the_doctor(home: Home) -> dict[str, Any] | None:
    found = {one["what"]: one for one in json.loads(home.ror("doctor", "--json").out)}
    return found.get("storage commitment")


def test_the_doctor_tells_who_waits_for_a_result_and_how_to_reach_them(home: Home) -> None:
    assert told_by_the_doctor(home) is None
    with closing(App(home.folder)) as app:
        pending = PendingCommitments(app.quarantine.folder)
        pending.keep(Commitment(Sender("CT", "ROR", "10.0.0.1"), "1.2.3", (("1.2", "1.2.4"),), 0.0))
    found = told_by_the_doctor(home)
    assert found is not None
    assert not found["well"]
    assert found["told"].startswith("1 result not taken yet, the oldest since 1970-01-01")
    assert found["mend"] == "add a [pacs.NAME] with host, port and ae_title to ror.toml for each of CT"
    with (home.folder / "ror.toml").open("a") as settings:
        settings.write('[pacs.ct]\nhost = "127.0.0.1"\nport = 1\nae_title = "CT"\n')
    found = told_by_the_doctor(home)
    assert found is not None
    assert found["mend"] == "see log/ror.log why CT does not take its result"
    assert "1.2.4" not in json.dumps(found)


def test_the_doctor_does_not_call_results_late_that_are_on_their_way(home: Home) -> None:
    with (home.folder / "ror.toml").open("a") as settings:
        settings.write('[pacs.ct]\nhost = "127.0.0.1"\nport = 1\nae_title = "CT"\n')
    with closing(App(home.folder)) as app:
        pending = PendingCommitments(app.quarantine.folder)
        pending.keep(Commitment(Sender("CT", "ROR", "10.0.0.1"), "1.2.3", (("1.2", "1.2.4"),), time.time()))
    found = told_by_the_doctor(home)
    assert found is not None
    assert found["well"]
    assert found["told"].startswith("1 result on the way to who asked, the oldest since 20")
