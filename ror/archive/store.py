"""Research DICOM files: ``<archive>/<project>/<study>/<series>/<instance>.dcm``, durable before they are seen."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom import dcmread

from anonymizer import ResearchInstance, same_content
from ror.archive.new_file import NewFile
from ror.archive.receipt import Receipt
from ror.whole_file import sync_folder

__all__ = ["DifferentContent", "FileStore", "Filed", "file_of", "let_go", "make_names_durable", "set_aside"]

_log = logging.getLogger(__name__)
_INCOMING: Final = ".incoming"
_ASIDE: Final = ".aside"
_PLACE: Final = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]


class DifferentContent(Exception):
    """The archive holds another object of this UID, its series in another study, or its study of another patient."""

    def __init__(self, sop_uid: str, held: str = "with other content") -> None:
        super().__init__(f"instance {sop_uid} is held {held}")
        self.sop_uid = sop_uid


@dataclass(frozen=True, slots=True)
class Filed:
    """An object that survives a crash: `path` is below the archive folder, `new` False if it was there before.

    One with a `waiting_at` has a second, durable name there that its receipt is read from after a crash. Its name in
    its folder may not be durable yet.
    """

    path: str
    sha256: str
    new: bool
    waiting_at: Path | None = None

    @property
    def project(self) -> str:
        """Whose it is."""
        return self.path.partition("/")[0]


class FileStore:
    """Files research instances; takes nothing else, so that identified bytes cannot get here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / _INCOMING
        self._incoming.mkdir(parents=True, exist_ok=True)

    def file(self, project: str, instance: ResearchInstance, receipt: Receipt | None = None) -> Filed:
        """Write an instance so that it is complete under its name or not there at all.

        What is held already, in this or another transfer syntax, stays as it is. With a receipt, a new one waits to be
        indexed, by `make_names_durable`, the index, and `let_go`.

        Raises
        ------
        DifferentContent
            Another object has this SOPInstanceUID; nothing is changed.
        OSError
            The disk refused; nothing is left behind.
        """
        path = self.path_of(project, instance)
        if receipt is None and (self.root / path).exists():
            return self._held(path, instance)
        with closing(NewFile(self._incoming, instance.length)) as new:
            for block in instance.blocks():
                new.write(block)
            filed = self._new(path, new) if receipt is None else self._waiting(path, new, receipt)
        return filed or self._held(path, instance)

    def remove(self, filed: Filed) -> None:
        """Take back what `file` has just filed and nobody was told of."""
        (self.root / filed.path).unlink(missing_ok=True)

    def path_of(self, project: str, instance: ResearchInstance) -> str:
        """Where an instance belongs, below the archive folder."""
        uids = instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid
        return _path(project, *uids)

    # -- after a crash ------------------------------------------------------------------------------------------------

    def discard_unfinished(self) -> int:
        """Remove what a killed process had begun to write and never acknowledged; return how many files.

        What is whole and waits to be indexed stays, for `recovered`.
        """
        unfinished = [file for file in self._incoming.iterdir() if _receipt_of(file) is None]
        for file in unfinished:
            file.unlink(missing_ok=True)
        return len(unfinished)

    def recovered(self) -> Iterator[tuple[Filed, Receipt]]:
        """What a killed process has left to wait, under its durable name from now on; to be indexed, and `let_go`.

        What another object has taken the name of was never acknowledged, and is removed.
        """
        for file in sorted(self._incoming.iterdir()):
            known = _receipt_of(file)
            if known is None:
                continue
            sha256, receipt = known
            held = dcmread(file, specific_tags=_PLACE)
            path = _path(receipt.project, *(str(held[keyword].value) for keyword in _PLACE))
            target = self.root / path
            _make_folders(target.parent, self.root)
            if _link_unless_there(file, target) or target.samefile(file):
                sync_folder(target.parent)
                yield Filed(path, sha256, new=True, waiting_at=file), receipt
            else:
                file.unlink(missing_ok=True)

    def _new(self, path: str, new: NewFile) -> Filed | None:
        """Put a file under its durable name; None if that is taken."""
        target = self.root / path
        new.finish()
        _make_folders(target.parent, self.root)
        if not new.link(target):
            return None
        sync_folder(target.parent)
        return Filed(path, new.sha256, new=True)

    def _waiting(self, path: str, new: NewFile, receipt: Receipt) -> Filed | None:
        """Put a file under a durable name that is its receipt, and under its own, which is not durable yet."""
        sha256, target = new.sha256, self.root / path
        incoming, linked = self._incoming / receipt.file_name(sha256), False
        new.rename(incoming)
        try:
            # Behind its name, for both at once: what is not whole after a crash is not what its name says.
            new.finish()
            sync_folder(self._incoming)
            _make_folders(target.parent, self.root)
            linked = _link_unless_there(incoming, target)
        finally:
            if not linked:
                incoming.unlink(missing_ok=True)
        return Filed(path, sha256, new=True, waiting_at=incoming) if linked else None

    def _held(self, path: str, instance: ResearchInstance) -> Filed:
        """What is there under the name of an instance, which it must be."""
        target = self.root / path
        held, data = target.read_bytes(), instance.to_part10()
        if held != data and not same_content(held, data):
            raise DifferentContent(instance.sop_instance_uid)
        sync_folder(target.parent)  # whoever has filed it may not have come so far
        return Filed(path, hashlib.sha256(held).hexdigest(), new=False)


def _path(project: str, study_uid: str, series_uid: str, sop_uid: str) -> str:
    return f"{project}/{study_uid}/{series_uid}/{sop_uid}.dcm"


def file_of(waiting_at: Path, filed: Filed) -> Path:
    """The file of an object that waits, under its own name."""
    return waiting_at.parent.parent / filed.path  # it waits in a folder below that of the archive


def make_names_durable(filed: Iterable[Filed]) -> None:
    """Sync the folders of objects that wait, each folder once; what somebody has removed is linked again."""
    folders = set()
    for one in filed:
        if one.waiting_at is None:
            continue
        file = file_of(one.waiting_at, one)
        if not file.exists() and one.waiting_at.exists():
            _make_folders(file.parent, one.waiting_at.parent.parent)
            _link_unless_there(one.waiting_at, file)
        folders.add(file.parent)
    for folder in sorted(folders):
        with suppress(FileNotFoundError):  # somebody has removed it with all that waited
            sync_folder(folder)


def let_go(filed: Iterable[Filed]) -> None:
    """Remove the second names of objects that are indexed."""
    for one in filed:
        if one.waiting_at is not None:
            try:
                one.waiting_at.unlink(missing_ok=True)
            except OSError as error:  # no harm: the next start finds that it is indexed
                _log.warning("the name of an indexed object is not removed: %s", error.strerror)


def set_aside(filed: Filed) -> None:
    """Keep an object that was acknowledged and cannot be indexed in a folder of its own."""
    if filed.waiting_at is None:
        return
    root = filed.waiting_at.parent.parent
    aside = root / _ASIDE / Path(filed.path).name
    _make_folders(aside.parent, root)
    filed.waiting_at.replace(aside)
    sync_folder(aside.parent)
    (root / filed.path).unlink(missing_ok=True)
    _log.error("%s: its UID is held in another series: its file is kept as %s", filed.path, aside)


def _receipt_of(file: Path) -> tuple[str, Receipt] | None:
    """The SHA-256 and the receipt of a file that is whole."""
    known = Receipt.of(file.name)
    return known if known is not None and _sha256([file.read_bytes()]) == known[0] else None


def _sha256(blocks: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _link_unless_there(source: Path, target: Path) -> bool:
    # A hard link fails where the name is taken, a rename would replace: two senders may race with one UID.
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True


def _make_folders(folder: Path, root: Path) -> None:
    missing = []
    while folder != root and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)
