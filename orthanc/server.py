"""A local Orthanc server for tests and examples: its own folder, its own ports, gone afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from orthanc.dimse import Peer
from orthanc.errors import PeerUnavailable, ServerNotInstalled, ServerNotReady
from orthanc.ports import free_port
from orthanc.rest import OrthancRest

__all__ = ["OrthancServer"]

# Debian puts the server where only root's PATH looks.
PROGRAMS = ("Orthanc", "/usr/sbin/Orthanc")
POLL_SECONDS = 0.05


class OrthancServer:
    """An Orthanc that runs inside a ``with`` block.

    Parameters
    ----------
    folder
        For its files, database, configuration and log (``orthanc.log``); what was stored there before is
        served again.
    ae_title
        Its own AE title.
    modalities
        AE titles it may send to, with host and port: name -> `Peer`.
    settings
        Further entries of its configuration file, stronger than ours.

    Attributes
    ----------
    peer
        For `orthanc.send` and `orthanc.echo`.
    rest
        For asking what it holds.

    Raises
    ------
    ServerNotInstalled
        When there is no Orthanc program.
    ServerNotReady
        On entering, when Orthanc ends or does not answer before the deadline.
    """

    def __init__(
        self,
        folder: Path,
        ae_title: str = "ORTHANC",
        modalities: Mapping[str, Peer] | None = None,
        settings: Mapping[str, object] | None = None,
        ready_seconds: float = 30.0,
    ) -> None:
        self.folder = folder
        self._program = self.program()
        self._ready_seconds = ready_seconds
        http_port, dicom_port = free_port(), free_port()
        self.peer = Peer(ae_title, "127.0.0.1", dicom_port)
        self.rest = OrthancRest(f"http://127.0.0.1:{http_port}")
        self._configuration = _configuration(folder, self.peer, http_port, modalities or {}) | dict(
            settings or {}
        )
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str:
        """Path of the Orthanc program; `ServerNotInstalled` where there is none."""
        for name in PROGRAMS:
            if found := shutil.which(name):
                return found
        raise ServerNotInstalled("Orthanc is not installed: apt-get install orthanc")

    def __enter__(self) -> OrthancServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration, indent=2))
        with (self.folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server and wait for its end; harmless when it does not run."""
        self.rest.close()
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._ready_seconds
        while time.monotonic() < deadline:
            try:
                self.rest.system()
                return
            except PeerUnavailable:
                pass  # not listening yet: this is what is being waited for
            try:
                process.wait(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise ServerNotReady(
                f"Orthanc ended at once with status {process.returncode}: {self._last_words()}"
            )
        raise ServerNotReady(f"Orthanc did not answer within {self._ready_seconds:g} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = (self.folder / "orthanc.log").read_text(errors="replace").splitlines()
        return " | ".join(lines[-3:]) or "its log is empty"


def _configuration(
    folder: Path, peer: Peer, http_port: int, modalities: Mapping[str, Peer]
) -> dict[str, object]:
    return {
        "Name": peer.ae_title,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http_port,
        "DicomPort": peer.port,
        "DicomAet": peer.ae_title,
        # Both ports listen on every address in 1.10; HTTP at least answers loopback only.
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        # A result that is sent again replaces what was sent before.
        "OverwriteInstances": True,
        "StableAge": 3,
        "DicomModalities": {name: [m.ae_title, m.host, m.port] for name, m in modalities.items()},
        "Plugins": [],
    }
