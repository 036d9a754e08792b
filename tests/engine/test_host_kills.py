"""Hosts are killed at random while jobs run, again and again: every job ends, and gives its results once.

That is, one segmentation and one report in the PACS, one record in REDCap, one measurement in the table.
``ROR_TEST_KILL_ROUNDS`` says how often; ``make kill-test`` does it many times. ``ROR_TEST_KILL_SEED`` chooses other
moments and victims.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orthanc import OrthancServer, PeerUnavailable, send
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.hosts import ServingOnPostgres, Worker, installation_on, working
from tests.support.postgres import PostgresServer
from tests.support.redcap_server import Field, RedcapServer
from tests.support.serving import eventually
from tests.support.studies import small_ct

pytestmark = [pytest.mark.postgres, pytest.mark.orthanc, pytest.mark.slow]

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
ROUNDS = max(1, int(os.environ.get("ROR_TEST_KILL_ROUNDS", "2")) // 2)
UNFINISHED = (
    "SELECT workflow_uuid, executor_id FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"
)
JOBS = int(os.environ.get("ROR_TEST_KILL_JOBS", "4"))


SEED = int(os.environ.get("ROR_TEST_KILL_SEED", "7"))
SETTINGS = """
beat_seconds = 2.0
slots = 2

[redcap]
requests_per_minute = 6000

[pacs.demo]
host = "{peer.host}"
port = {peer.port}
ae_title = "{peer.ae_title}"
orthanc_url = "{url}"
images = false
"""


@pytest.fixture
def redcap() -> Iterator[RedcapServer]:
    """A strict REDCap with the field of the workflow `box`."""
    with RedcapServer([Field("record_id"), Field("box_volume", validation="number")]) as server:
        yield server


@pytest.fixture
def token(redcap: RedcapServer) -> dict[str, str]:
    """What hosts have in their environment."""
    return {"ROR_REDCAP_TOKEN_LUNGS": redcap.token}


@pytest.fixture
def serving(
    postgres_server: PostgresServer,
    orthanc_pacs: OrthancServer,
    redcap: RedcapServer,
    token: dict[str, str],
    tmp_path: Path,
) -> ServingOnPostgres:
    url = postgres_server.empty_database()
    settings = SETTINGS.format(peer=orthanc_pacs.peer, url=orthanc_pacs.rest.url)
    made = installation_on(url, tmp_path / "installation", settings)
    app = App(made.home)
    app.projects.add(Project("lungs", pacs=("demo",), redcap_url=redcap.url))
    app.routes.add(Route(ANY, ANY, "lungs"))
    app.workflows.add("lungs", shutil.copytree(BOX, tmp_path / "box"))
    app.close()
    return ServingOnPostgres(made, url, token)


def gave_results(serving: ServingOnPostgres, studies: int) -> bool:
    """Whether each study has given its results, by a job that took the place of any of a part of it.

    On a busy machine a sender may pause within a study for so long that what has come settles by itself.
    """
    states = Counter(serving.jobs().values())
    settled = not serving.rows("SELECT study_uid FROM studies WHERE state <> 'matched'")
    return settled and states.pop("succeeded", 0) == studies and states.keys() <= {"superseded"}


def send_study(serving: ServingOnPostgres, folder: Path, seed: int) -> None:
    files = small_ct(folder / f"ct{seed}", seed=seed)

    def is_taken() -> bool:
        try:
            send(serving.peer, files)
        except PeerUnavailable:  # as senders do, again where the service could not take an object now
            return False
        return True

    eventually(is_taken, lambda: serving.log.read_text()[-4000:])


def test_hosts_are_killed_at_random_and_every_job_ends_once(
    serving: ServingOnPostgres,
    orthanc_pacs: OrthancServer,
    redcap: RedcapServer,
    token: dict[str, str],
    tmp_path: Path,
) -> None:
    chance = random.Random(SEED)
    with ExitStack() as stack:
        stack.enter_context(serving)
        workers = [
            stack.enter_context(working(Worker(serving.installation, name, environment=token)))
            for name in ("second", "third")
        ]
        for number in range(ROUNDS):
            seeds = range(number * JOBS + 1, (number + 1) * JOBS + 1)
            for seed in seeds:
                send_study(serving, tmp_path, seed)
            done = chance.randrange(1, JOBS + 1) + number * JOBS
            # At a moment that work has come to, which no clock knows.
            eventually(lambda done=done: len(serving.jobs()) >= done, lambda: serving.log.read_text()[-4000:])
            victim = chance.choice([serving, *workers])
            victim.kill()
            victim.start()
            wanted = (number + 1) * JOBS
            eventually(
                lambda wanted=wanted: gave_results(serving, wanted),
                lambda: (
                    f"{serving.rows('SELECT id, state, host, attempt FROM jobs')}\n{serving.log.read_text()[-4000:]}"
                ),
            )
        # What a job has run in ends a moment after the job, and that of a host that was killed as well.
        eventually(lambda: not serving.rows(UNFINISHED), lambda: str(serving.rows(UNFINISHED)))
    measured = Counter(row.job_id for row in serving.rows("SELECT job_id FROM measurements"))
    succeeded = [job for job, state in serving.jobs().items() if state == "succeeded"]
    assert measured == dict.fromkeys(succeeded, 1)
    assert len(redcap.records) == ROUNDS * JOBS
    held = Counter[str]()
    for series in orthanc_pacs.rest.series():
        held[series.modality] += series.instance_count
    assert held == {"SEG": ROUNDS * JOBS, "SR": ROUNDS * JOBS}
