"""Research DICOM files: ``<archive>/<project>/<study>/<series>/<instance>.dcm``, durable before they are seen."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from anonymizer import ResearchInstance, same_content
from ror.archive.durable import write_durably

__all__ = ["DifferentContent", "FileStore", "Filed"]

_INCOMING = ".incoming"


class DifferentContent(Exception):
    """The archive holds another object of this UID, its series in another study, or its study of another patient."""

    def __init__(self, sop_uid: str, held: str = "with other content") -> None:
        super().__init__(f"instance {sop_uid} is held {held}")
        self.sop_uid = sop_uid


@dataclass(frozen=True, slots=True)
class Filed:
    """An object that survives a crash: `path` is below the archive folder, `new` False if it was there before."""

    path: str
    sha256: str
    new: bool


class FileStore:
    """Files research instances; takes nothing else, so that identified bytes cannot get here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / _INCOMING
        self._incoming.mkdir(parents=True, exist_ok=True)

    def file(self, project: str, instance: ResearchInstance) -> Filed:
        """Write an instance so that it is complete under its name or not there at all.

        What is held already, in this or another transfer syntax, stays as it is.

        Raises
        ------
        DifferentContent
            Another object has this SOPInstanceUID; nothing is changed.
        OSError
            The disk refused; nothing is left behind.
        """
        path = self.path_of(project, instance)
        target = self.root / path
        if not target.exists():
            temporary = self._incoming / f"{uuid.uuid4().hex}.part"
            try:
                sha256 = write_durably(temporary, instance.length, instance.blocks())
                _make_folders(target.parent, self.root)
                if _link_unless_there(temporary, target):
                    return Filed(path, sha256, new=True)
            finally:
                temporary.unlink(missing_ok=True)
        held, data = target.read_bytes(), instance.to_part10()
        if held != data and not same_content(held, data):
            raise DifferentContent(instance.sop_instance_uid)
        return Filed(path, hashlib.sha256(held).hexdigest(), new=False)

    def remove(self, filed: Filed) -> None:
        """Take back what `file` has just filed and nobody was told of."""
        (self.root / filed.path).unlink(missing_ok=True)

    def path_of(self, project: str, instance: ResearchInstance) -> str:
        """Where an instance belongs, below the archive folder."""
        folders = (project, instance.study_instance_uid, instance.series_instance_uid)
        return "/".join((*folders, f"{instance.sop_instance_uid}.dcm"))

    def discard_unfinished(self) -> int:
        """Remove what a killed process had begun to write and never acknowledged; return how many files."""
        unfinished = list(self._incoming.iterdir())
        for file in unfinished:
            file.unlink()
        return len(unfinished)


def _link_unless_there(source: Path, target: Path) -> bool:
    # A hard link fails where the name is taken, a rename would replace: two senders may race with one UID.
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    _sync_folder(target.parent)
    return True


def _make_folders(folder: Path, root: Path) -> None:
    missing = []
    while folder != root and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync_folder(one.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
