"""An executor id belongs to one worker at a time: a second would run the jobs of the first once more."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ror.db import Database
from ror.errors import HomeInUse
from ror.home import Home
from tests.support.serving import eventually

HOLD = """
import sys
from pathlib import Path
from ror.db import Database
from ror.home import Home
kind, where = sys.argv[1:]
holder = Home(Path(where)) if kind == "home" else Database(where)
with holder.worked_on_by("main"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(kind: str, where: str) -> subprocess.Popen[str]:
    """Another process that works as `main`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_home_has_one_worker_of_a_name_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    other = holding("home", str(tmp_path))
    with pytest.raises(HomeInUse, match="executor id main") as refused, home.worked_on_by("main"):
        pass
    assert "engine.executor_id" in refused.value.advice
    with home.worked_on_by("second"):
        pass
    end(other)
    with home.worked_on_by("main"):
        pass


@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_shared_database_has_one_worker_of_a_name_on_whatever_host(
    database: Database, database_kind: str
) -> None:
    other = holding("database", database.url)
    with pytest.raises(HomeInUse, match="executor id main") as refused, database.worked_on_by("main"):
        pass
    assert "engine.executor_id" in refused.value.advice
    with database.worked_on_by("second"):
        database.migrate()
    end(other)
    until_free(database)


def until_free(database: Database) -> None:
    """PostgreSQL sees at once, but not in the same instant, that a client has died."""

    def taken() -> bool:
        try:
            with database.worked_on_by("main"):
                return True
        except HomeInUse:
            return False

    assert eventually(taken)


def test_what_was_held_is_free_when_the_block_ends(database: Database) -> None:
    for _ in range(3):
        with database.worked_on_by("main"), database.read():
            pass
