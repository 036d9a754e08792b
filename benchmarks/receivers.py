"""Storage servers that take turns at receiving: ours and those of others, each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from examples.demo.service import Installation
from orthanc import OrthancServer, Peer, PeerError, ServerNotInstalled, echo, free_port
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.serving import Serving

__all__ = [
    "DCMTK",
    "DCMTK_WITH_NAGLE",
    "ORTHANC",
    "OURS",
    "PYNETDICOM",
    "RECEIVE_LOOP",
    "Receiver",
    "all_receivers",
    "pynetdicom_storescp",
    "ror_serve",
]

OURS, DCMTK, ORTHANC, PYNETDICOM = "ror serve", "dcmtk storescp", "Orthanc", "pynetdicom storescp"
DCMTK_WITH_NAGLE = "dcmtk storescp as it comes"
RECEIVE_LOOP = "our receive loop alone"
_STORESCP = Path("/usr/bin/storescp")  # by its path, since pynetdicom puts one of its own before it
_DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """A server that listens at `peer` and works in `folder`; `held` counts the objects that it has filed."""

    name: str
    peer: Peer
    folder: Path
    held: Callable[[], int]

    def memory_mib(self) -> float:
        """Resident memory of its process now."""
        lines = self._of_process("status").splitlines()
        (line,) = (one for one in lines if one.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def processor_seconds(self) -> float:
        """What its process has taken of processors until now, with children that have ended."""
        # Behind the name of the program, which may hold anything (proc(5), stat): fields 14 to 17.
        ticks = self._of_process("stat").rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def _of_process(self, file: str) -> str:
        # The first that has the folder on its command line; a server's own children come behind it.
        pids = sorted(int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
        for pid in pids:
            with suppress(FileNotFoundError, ProcessLookupError):
                if os.fsencode(self.folder) in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return Path(f"/proc/{pid}/{file}").read_text()
        raise ProcessLookupError(f"{self.name} does not run")


@contextmanager
def all_receivers(folder: Path) -> Iterator[dict[str, Receiver]]:
    """Every receiver that is installed, by name, until the block ends."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ror_serve(folder / "ror"))]
        if _STORESCP.exists():
            servers.append(stack.enter_context(_dcmtk_storescp(folder / "dcmtk-nagle", DCMTK_WITH_NAGLE)))
        stack.enter_context(_answers_at_once())
        if _STORESCP.exists():
            servers.append(stack.enter_context(_dcmtk_storescp(folder / "dcmtk", DCMTK)))
        servers.append(stack.enter_context(pynetdicom_storescp(folder / "pynetdicom")))
        servers.append(stack.enter_context(_receive_loop(folder / "receive-loop")))
        try:
            servers.append(stack.enter_context(_orthanc(folder / "orthanc")))
        except ServerNotInstalled as error:
            print(f"left out: {error}", file=sys.stderr)
        yield {one.name: one for one in servers}


@contextmanager
def ror_serve(folder: Path) -> Iterator[Receiver]:
    """Ours: de-identified, durable, indexed before it is acknowledged; studies do not settle meanwhile."""
    folder.mkdir(parents=True)
    installation = Installation(folder)
    installation.configure("process", settle_seconds=3600)
    with closing(App(installation.home)) as app:
        app.projects.add(Project("bench"))
        app.routes.add(Route(ANY, ANY, "bench"))
    with Serving(installation) as serving:
        yield Receiver(OURS, serving.peer, installation.home, lambda: len(serving.archived()))


@contextmanager
def pynetdicom_storescp(folder: Path) -> Iterator[Receiver]:
    """pynetdicom's own application, as it comes."""
    words = [sys.executable, "-m", "pynetdicom", "storescp", "-q", "-aet", "PYNETDICOM", "-od"]
    with _listening(PYNETDICOM, "PYNETDICOM", words, folder) as receiver:
        yield receiver


@contextmanager
def _receive_loop(folder: Path) -> Iterator[Receiver]:
    words = [sys.executable, "-m", "benchmarks.receive_loop"]
    with _listening(RECEIVE_LOOP, "ROR", words, folder) as receiver:
        yield receiver


@contextmanager
def _dcmtk_storescp(folder: Path, name: str) -> Iterator[Receiver]:
    # Forking, or a second association would wait for the first; PDUs as long as ours.
    words = [str(_STORESCP), "--fork", "-pdu", "131072", "-aet", "DCMTK", "-od"]
    with _listening(name, "DCMTK", words, folder) as receiver:
        yield receiver


@contextmanager
def _orthanc(folder: Path) -> Iterator[Receiver]:
    with OrthancServer(folder) as server:
        yield Receiver(ORTHANC, server.peer, folder, lambda: len(server.rest.instances()))


@contextmanager
def _answers_at_once() -> Iterator[None]:
    """What dcmtk's network code reads, in Orthanc too: with Nagle's algorithm on, their answers would wait 40 ms."""
    before = os.environ.get("TCP_NODELAY")
    os.environ["TCP_NODELAY"] = "1"
    try:
        yield
    finally:
        del os.environ["TCP_NODELAY"]
        if before is not None:
            os.environ["TCP_NODELAY"] = before


@contextmanager
def _listening(name: str, ae_title: str, words: list[str], folder: Path) -> Iterator[Receiver]:
    """Run a server that files into a folder, on any free port."""
    folder.mkdir(parents=True)
    peer = Peer(ae_title, "127.0.0.1", free_port())
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        process = subprocess.Popen([*words, str(folder), str(peer.port)], stdout=log, stderr=log)
    try:
        _await(peer)
        yield Receiver(name, peer, folder, lambda: sum(1 for _ in folder.iterdir()))
    finally:
        process.terminate()
        process.wait(timeout=_DEADLINE_SECONDS)


def _await(peer: Peer) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        try:
            return echo(peer)
        except PeerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
