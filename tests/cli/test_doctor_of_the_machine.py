"""What the doctor tells of the machine: it hides no fault, and none of it alone makes the doctor fail."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ror import __version__
from ror.home import Home as HomeFolder
from tests.cli.test_commands import Home


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def home(tmp_path: Path, taken: socket.socket) -> Home:
    """A home that is well, with a card that its settings name."""
    made = Home(tmp_path / "home")
    port = taken.getsockname()[1]
    made.settings(
        f'[listener]\nreserve_mib = 0\nhost = "127.0.0.1"\nport = {port}\n[web]\nenabled = true\nport = 0\n'
        '[engine]\nruntime = "process"\ngpus = "0:16384"\n'
    )
    made.good("project", "add", "lungs")
    made.good("route", "add", "lungs", "--from", "CT")
    return made


def rows(home: Home) -> dict[str, dict[str, Any]]:
    return {one["what"]: one for one in json.loads(home.good("doctor", "--json"))}


def test_where_there_is_no_installation_the_machine_is_looked_at(tmp_path: Path) -> None:
    words = [str(Path(sys.executable).with_name("ror")), "doctor"]
    environment = {name: value for name, value in os.environ.items() if name != "ROR_HOME"}
    environment |= {"HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    looked_at = [line[6:].partition(":")[0] for line in done.stdout.splitlines() if line[:1] != " "]
    of_machine = ["versions", "disk", "clock", "runtime docker", "runtime process", "cards"]
    assert looked_at == ["settings", "projects", *of_machine]
    assert (
        f"off   projects: none in {tmp_path / '.ror'}; ror init, trigger and build need none" in done.stdout
    )
    assert "off   runtime docker: no Docker daemon answers" in done.stdout
    assert "      → Start Docker (systemctl start docker)" in done.stdout
    (tmp_path / ".ror" / "ror.toml").write_text("[engine]\nbase_image = 'ror-base:slim'\n")
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    # Others write to the same disk meanwhile.
    first, second = (re.sub(r"\d+ MiB free", "", one.stdout).splitlines()[1:] for one in (done, again))
    assert second == first


def test_a_home_that_is_named_must_be_one_and_another_that_can_be_made(tmp_path: Path) -> None:
    words = [str(Path(sys.executable).with_name("ror")), "doctor"]
    named = subprocess.run(
        words, env={**os.environ, "ROR_HOME": f"{tmp_path}/x"}, capture_output=True, text=True, check=False
    )
    assert (named.returncode, "there is no home folder at" in named.stderr) == (1, True)
    (tmp_path / "file").touch()
    environment = {name: value for name, value in os.environ.items() if name != "ROR_HOME"}
    environment["HOME"] = str(tmp_path / "file")
    found = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stdout.startswith("FAIL  home: the home folder ")
    assert "runtime process: ready" in found.stdout


def test_versions_are_told(home: Home) -> None:
    told = rows(home)["versions"]["told"]
    assert told.startswith(f"ror {__version__}, Python {platform.python_version()}, dbos ")


def test_a_port_that_somebody_else_has_is_told_with_the_setting(home: Home) -> None:
    found = rows(home)
    assert not found["port of listener"]["well"]
    assert "or set listener.port in ror.toml" in found["port of listener"]["told"]
    assert (found["port of web"]["well"], found["port of web"]["told"]) == (True, "any free one of 127.0.0.1")


def test_a_port_that_our_own_service_has_is_well(home: Home) -> None:
    with HomeFolder(home.folder).exclusively():
        found = rows(home)["port of listener"]
    assert (found["well"], "while ror serve of this home runs" in found["told"]) == (True, True)


def test_cards_are_told_and_what_their_absence_means(home: Home) -> None:
    assert rows(home)["cards"]["told"] == "0 (16384 MiB)"
    settings = home.folder / "ror.toml"
    settings.write_text(settings.read_text().replace("0:16384", "none"))
    found = rows(home)["cards"]
    assert (found["well"], found["needed"]) == (False, False)
    assert found["told"].startswith("none, as engine.gpus says")


def test_a_clock_that_nothing_keeps_in_step_is_told_with_what_does(home: Home) -> None:
    found = rows(home)["clock"]
    assert found["well"] is not ("timedatectl set-ntp true, or install chrony" in found["told"])
