"""What has been pulled from a PACS into a project: a file in the home folder, written line by line.

Nothing in it is identified: studies stand in it by a keyed digest. If it is lost, studies are fetched again, and known
again when they come.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from anonymizer import ProjectKey
from orthanc import FoundStudy
from ror.errors import NotAllowed

__all__ = ["Journal", "Mark"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a change feed was read: up to the change of that number, which was of that thing."""

    sequence: int = 0
    orthanc_id: str = ""


@dataclass(slots=True)
class Journal:
    """One PACS and one project."""

    folder: Path
    project: str
    pacs: str
    key: ProjectKey = field(repr=False)
    mark: Mark = Mark()
    _done: dict[str, int | None] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where it lies."""
        return self.folder / self.project / f"{quote(self.pacs, safe='')}.jsonl"

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Read it, and be the only one who writes it for a block.

        Raises
        ------
        NotAllowed
            Another pull of that PACS into that project is running.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise NotAllowed(
                    f"another `ror pull` from {self.pacs} into {self.project} is running",
                    "wait for its end, or stop it: the next one goes on where it stopped",
                ) from error
            self._read()
            yield self

    def has(self, study: FoundStudy) -> bool:
        """Whether it was pulled when the PACS had as many objects of it as now."""
        name = self._name(study)
        return name in self._done and self._done[name] == study.instances

    def note(self, study: FoundStudy) -> None:
        """It was pulled."""
        name = self._name(study)
        self._done[name] = study.instances
        self._append({"study": name, "instances": study.instances})

    def note_mark(self, mark: Mark) -> None:
        """A change feed was read so far."""
        self.mark = mark
        self._append({"change": mark.sequence, "of": mark.orthanc_id})

    def _name(self, study: FoundStudy) -> str:
        return self.key.fingerprint(f"pulled {study.study_instance_uid}".encode())

    def _append(self, line: dict[str, Any]) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> None:
        self._done, self.mark = {}, Mark()
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        for line in text.splitlines(keepends=True):
            # A last line that a crash has cut short was of something that is pulled once more.
            if line.endswith("\n"):
                self._apply(json.loads(line))
        self._write_anew()

    def _apply(self, line: dict[str, Any]) -> None:
        if "study" in line:
            self._done[line["study"]] = line["instances"]
        else:
            self.mark = Mark(line["change"], line["of"])

    def _write_anew(self) -> None:
        """Without what later lines have replaced."""
        lines: list[dict[str, Any]] = [
            {"study": name, "instances": number} for name, number in self._done.items()
        ]
        if self.mark != Mark():
            lines.append({"change": self.mark.sequence, "of": self.mark.orthanc_id})
        new = self.file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.file)
