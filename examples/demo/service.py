"""A whole installation in one folder: `ror serve` and a stand-in PACS, driven by the command line as a user would."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CommandFailed", "Installation"]

_SERVES = re.compile(r"ror serves: \S+ on port (\d+), (\w+) runtime")
_PACS_TITLE = "DEMO_PACS"


class CommandFailed(Exception):  # noqa: N818
    """A `ror` command ended with an error; its text is the command's own."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The home of a demo, and the folder that its stand-in PACS files into."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def pacs(self) -> Path:
        return self.folder / "pacs"

    def configure(self, pacs_port: int, runtime: str) -> None:
        """Write ``ror.toml``: any free port to listen on, one second of quiet, results to the stand-in PACS."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "ror.toml").write_text(
            '[listener]\nhost = "127.0.0.1"\nport = 0\nsettle_seconds = 1.0\nreserve_mib = 256\n\n'
            f'[engine]\nruntime = "{runtime}"\nslots = 1\n\n'
            f'[pacs.demo]\nhost = "127.0.0.1"\nport = {pacs_port}\nae_title = "{_PACS_TITLE}"\n',
            encoding="utf-8",
        )

    def ror(self, *arguments: str) -> str:
        """Run one `ror` command and return what it prints."""
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"ror {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """Run one `ror` command with ``--json`` and return its answer."""
        return json.loads(self.ror(*arguments, "--json"))

    @contextmanager
    def serve(self) -> Iterator[tuple[int, str]]:
        """Run `ror serve` until the block ends; gives its port and the name of its runtime."""
        log = self.folder / "serve.log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                self._command("serve"), stdout=subprocess.PIPE, stderr=stream, text=True, bufsize=1
            )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            serves = _SERVES.match(line)
            if serves is None:
                raise CommandFailed(f"ror serve did not start: {log.read_text().strip()}")
            yield int(serves[1]), serves[2]
        finally:
            process.terminate()
            process.wait(timeout=30)

    @contextmanager
    def stand_in_pacs(self) -> Iterator[int]:
        """Run pynetdicom's own storage server as the PACS until the block ends; gives its port."""
        self.pacs.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        command = [sys.executable, "-m", "pynetdicom", "storescp", str(port), "-aet", _PACS_TITLE, "-q"]
        with (self.folder / "pacs.log").open("w") as stream:
            process = subprocess.Popen([*command, "-od", str(self.pacs)], stdout=stream, stderr=stream)
        try:
            yield port
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait(timeout=30)

    def _command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).parent / "ror"), "--home", os.fspath(self.home), *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
