"""A whole installation in one folder: `ror serve` and a stand-in PACS, driven by the command line as a user would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthanc import Peer, free_port

__all__ = ["SERVES", "CommandFailed", "Installation"]

SERVES = re.compile(r"ror serves: \S+ on port (\d+), (\w+) runtime")
_PACS_TITLE = "DEMO_PACS"


class CommandFailed(Exception):
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

    def configure(
        self,
        runtime: str,
        pacs: Peer | None = None,
        settle_seconds: float = 1.0,
        orthanc_url: str = "",
        base_image: str = "python:3.11-slim-bookworm",
    ) -> None:
        """Write ``ror.toml``: any free port to listen on, results to `pacs`."""
        lines = [
            '[listener]\nhost = "127.0.0.1"\nport = 0\nreserve_mib = 256',
            f"settle_seconds = {settle_seconds}\n",
            f'[engine]\nruntime = "{runtime}"\nbase_image = "{base_image}"\n',
        ]
        if pacs is not None:
            lines.append(
                f'[pacs.demo]\nhost = "{pacs.host}"\nport = {pacs.port}\nae_title = "{pacs.ae_title}"'
            )
            lines.append(f'orthanc_url = "{orthanc_url}"\n')
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "ror.toml").write_text("\n".join(lines), encoding="utf-8")

    def ror(self, *arguments: str) -> str:
        """Run one `ror` command and return what it prints."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
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
                self.command("serve"), stdout=subprocess.PIPE, stderr=stream, text=True
            )
        try:
            assert process.stdout is not None
            serves = SERVES.match(process.stdout.readline())
            if serves is None:
                raise CommandFailed(f"ror serve did not start: {log.read_text().strip()}")
            yield int(serves[1]), serves[2]
        finally:
            process.terminate()
            process.wait(timeout=30)

    @contextmanager
    def stand_in_pacs(self) -> Iterator[Peer]:
        """Run pynetdicom's own storage server as the PACS until the block ends."""
        self.pacs.mkdir(parents=True, exist_ok=True)
        port = free_port()
        command = [sys.executable, "-m", "pynetdicom", "storescp", str(port), "-aet", _PACS_TITLE, "-q"]
        with (self.folder / "pacs.log").open("w") as stream:
            process = subprocess.Popen([*command, "-od", str(self.pacs)], stdout=stream, stderr=stream)
        try:
            yield Peer(_PACS_TITLE, "127.0.0.1", port)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait(timeout=30)

    def command(self, *arguments: str) -> list[str]:
        """The words that run one `ror` command."""
        return [str(Path(sys.executable).parent / "ror"), "--home", os.fspath(self.home), *arguments]
