"""Hosts are killed at random while jobs run, again and again: every job ends, and gives its results once.

``ROR_TEST_KILL_ROUNDS`` says how often; ``make kill-test`` does it many times.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from orthanc import PeerUnavailable, send
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.hosts import ServingOnPostgres, Worker, installation_on, working
from tests.support.postgres import PostgresServer
from tests.support.serving import eventually
from tests.support.studies import small_ct

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
ROUNDS = max(1, int(os.environ.get("ROR_TEST_KILL_ROUNDS", "2")) // 2)
UNFINISHED = (
    "SELECT workflow_uuid, executor_id FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"
)
JOBS = int(os.environ.get("ROR_TEST_KILL_JOBS", "4"))


@pytest.fixture
def serving(postgres_server: PostgresServer, tmp_path: Path) -> ServingOnPostgres:
    url = postgres_server.empty_database()
    made = installation_on(url, tmp_path / "installation", "beat_seconds = 2.0\nslots = 2")
    app = App(made.home)
    app.projects.add(Project("lungs"))
    app.routes.add(Route(ANY, ANY, "lungs"))
    app.workflows.add("lungs", shutil.copytree(BOX, tmp_path / "box"))
    app.close()
    return ServingOnPostgres(made, url)


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
    serving: ServingOnPostgres, tmp_path: Path
) -> None:
    chance = random.Random(7)
    with ExitStack() as stack:
        stack.enter_context(serving)
        workers = [
            stack.enter_context(working(Worker(serving.installation, name))) for name in ("second", "third")
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
                lambda wanted=wanted: Counter(serving.jobs().values()) == {"succeeded": wanted},
                lambda: (
                    f"{serving.rows('SELECT id, state, host, attempt FROM jobs')}\n{serving.log.read_text()[-4000:]}"
                ),
            )
        # What a job has run in ends a moment after the job, and that of a host that was killed as well.
        eventually(lambda: not serving.rows(UNFINISHED), lambda: str(serving.rows(UNFINISHED)))
    measured = Counter(row.job_id for row in serving.rows("SELECT job_id FROM measurements"))
    assert measured == dict.fromkeys(serving.jobs(), 1)
