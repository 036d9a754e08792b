"""The way of a file into the archive, on one page: read it, see what it is, let it take the way in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ror.gateway.completeness import Completeness
from ror.gateway.importing.medium import DIRECTORY, BrokenDirectory, named_files
from ror.gateway.importing.outcome import Done, Imported, Outcome, outcome_of
from ror.gateway.importing.sources import Damaged, Item, Source, opened
from ror.gateway.intake import Intake
from ror.gateway.received import NotPart10, Received
from ror.stopping import asked_to_stop
from ror.walking import HEAD_BYTES, kind_of

__all__ = ["SENDER", "import_objects"]

SENDER = "IMPORT"  # the AE title that quarantine knows files by
# Threads wait for the disk in turn; what they compute, Python does one after the other anyway.
_THREADS = 4
_LARGE_BYTES = 256 * 2**20
_LARGEST_BYTES = 4 * 2**30
_ZIP = b"PK\3\4"

Told = Callable[[Done, Imported], None]


def import_objects(
    path: Path,
    project: str,
    intake: Intake,
    completeness: Completeness,
    told: Told = lambda _done, _imported: None,
) -> Imported:
    """Take in all objects of a folder, of a ZIP, or of one file; `told` is called after each file.

    What a DICOMDIR names and is not there counts as refused; what it does not name is taken in too. At its end the
    studies are complete, for there is no more of them here.

    Raises
    ------
    NotFound
        There is nothing to read.
    ServiceUnavailable
        The archive takes nothing now. What was taken in is there; the same import goes on.
    """
    imported = Imported()
    with opened(path) as source, asked_to_stop() as stop:
        hand = _Hand(project, intake, source)
        for done in _in_order(hand.take, source.items(), lambda: stop.asked):
            imported.add(done)
            told(done, imported)
        imported.complete = not stop.asked
        for done in () if stop.asked else hand.missing():
            imported.add(done)
            told(done, imported)
    if imported.complete:
        completeness.sent_whole(hand.studies, "its import ended")
    return imported


@dataclass(frozen=True, slots=True)
class _Directory:
    folder: PurePosixPath
    names: tuple[PurePosixPath, ...]


class _Hand:
    """Takes one file after the other, in several threads."""

    def __init__(self, project: str, intake: Intake, source: Source) -> None:
        self._project = project
        self._intake = intake
        self._source = source
        self._directories: list[_Directory] = []
        self._one_large = threading.Lock()
        self.studies: set[str] = set()

    def take(self, item: Item) -> Done:
        """What became of a file."""
        if item.size > _LARGEST_BYTES:
            return Done(item.name, Outcome.REFUSED, "too_large")
        # The memory of several large ones at once may not be there.
        with self._one_large if item.size > _LARGE_BYTES else nullcontext():
            try:
                return self._taken(item)
            except Damaged as damage:
                return Done(item.name, Outcome.REFUSED, damage.reason)
            except NotPart10 as fault:
                return Done(item.name, Outcome.REFUSED, fault.reason)

    def _taken(self, item: Item) -> Done:
        with item.open() as file:
            head = file.read(HEAD_BYTES)
            kind = "zip_in_it" if head.startswith(_ZIP) else kind_of(head)
            if kind:
                return Done(item.name, Outcome.SKIPPED, kind)
            data = head + file.read()
        received = Received.from_file(data, SENDER)
        if received.sop_class_uid == DIRECTORY:
            return self._noted(item.name, data)
        answer = self._intake.receive(received, self._project)
        if answer.study_uid:
            self.studies.add(answer.study_uid)
        return Done(item.name, *outcome_of(answer))

    def _noted(self, name: str, data: bytes) -> Done:
        try:
            self._directories.append(_Directory(PurePosixPath(name).parent, named_files(data)))
        except BrokenDirectory:
            return Done(name, Outcome.REFUSED, "media_directory_damaged")
        return Done(name, Outcome.SKIPPED, "media_directory")

    def missing(self) -> Iterator[Done]:
        """What the directories have named and is not there."""
        for directory in self._directories:
            for name in dict.fromkeys(directory.names):
                if not self._source.has(directory.folder / name):
                    yield Done(str(directory.folder / name), Outcome.REFUSED, "missing")


def _in_order(
    take: Callable[[Item], Done], items: Iterable[Item | Done], stopped: Callable[[], bool]
) -> Iterator[Done]:
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(_THREADS, "import") as pool:
        try:
            for item in items:
                if stopped():
                    break
                if isinstance(item, Done):
                    yield item
                    continue
                waiting.append(pool.submit(take, item))
                if len(waiting) > _THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
