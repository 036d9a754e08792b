"""Our receive loop alone: files objects as they come, as dcmtk's storescp does; `python -m benchmarks.receive_loop`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import cast

from ror.config import ListenerSettings
from ror.gateway import Answer, Intake, Listener, Received, Status
from ror.registry import Admission, Sender

__all__ = ["Folder", "main"]


class Folder:
    """Takes the place of the intake: no route, no de-identification, no index, and nothing is made durable."""

    def __init__(self, folder: Path) -> None:
        self._folder = self.spool = folder

    def admit(self, _sender: Sender) -> Admission:
        """Everybody."""
        return Admission.ADMITTED

    def receive(self, received: Received) -> Answer:
        """Write the object into the folder."""
        with (self._folder / f"{received.sop_instance_uid}.dcm").open("wb", buffering=0) as file:
            for piece in received.part10():
                file.write(piece)
        return Answer(Status.SUCCESS)

    def flush(self) -> None:
        """Nothing waits."""


def main(folder: str, port: str) -> None:
    """Listen on a port until the process is ended."""
    settings = ListenerSettings(host="127.0.0.1", port=int(port))
    Listener(settings, cast(Intake, Folder(Path(folder)))).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
