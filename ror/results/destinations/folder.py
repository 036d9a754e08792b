"""A folder as a destination: ``<folder>/<study>/<series>/<kind>-<instance>.dcm``."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ror.results.destinations.contract import Held, Outgoing
from ror.results.errors import DeliveryRefused, DeliveryUnavailable
from ror.whole_file import sync_folder, write_whole

__all__ = ["Folder"]


@dataclass(frozen=True, slots=True)
class Folder:
    """Files that are there whole or not at all, and survive a power cut; `read_back` compares them afterwards.

    The folder itself is never made: where it is missing, a file system is not mounted.
    """

    name: str
    root: Path
    images: bool
    read_back: bool

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        """Copy files, in place of those of the same name."""
        with self._waited_for():
            for one in objects:
                if not one.path.is_file():
                    raise DeliveryRefused(
                        f"{one.path} is not there", "see what became of it, then retry the job"
                    )
                target = self._path(one)
                self._make(target.parent)
                with one.path.open("rb") as source:
                    write_whole(target, partial(shutil.copyfileobj, source))
                acknowledged(one.sop_uid)

    def held(self, objects: Sequence[Outgoing]) -> Held:
        """Read the files back."""
        if not self.read_back:
            return Held("it is not to be asked", None)
        with self._waited_for():
            return Held("reading back", frozenset(one.sop_uid for one in objects if self._is_same(one)))

    def remove(self, objects: Sequence[Outgoing]) -> int:
        """Remove files, and the folders that they leave empty."""
        removed = 0
        with self._waited_for():
            for target in (path for path in map(self._path, objects) if path.exists()):
                target.unlink()
                sync_folder(target.parent)
                removed += 1
                with suppress(OSError):  # not empty: others' results lie there
                    target.parent.rmdir()
        return removed

    def _path(self, one: Outgoing) -> Path:
        return self.root / one.study_uid / one.series_uid / f"{one.kind}-{one.sop_uid}.dcm"

    def _make(self, folder: Path) -> None:
        for one in (folder.parent, folder):
            if not one.exists():
                one.mkdir(exist_ok=True)
                sync_folder(one.parent)

    def _is_same(self, one: Outgoing) -> bool:
        target = self._path(one)
        return target.exists() and filecmp.cmp(one.path, target, shallow=False)

    @contextmanager
    def _waited_for(self) -> Iterator[None]:
        advice = "it goes on by itself: mount it, make room, or let the user of ror write there"
        if not self.root.is_dir():
            raise DeliveryUnavailable(f"there is no folder {self.root}", advice)
        try:
            yield
        except OSError as error:
            where = error.filename2 or error.filename or self.root
            raise DeliveryUnavailable(f"{where}: {error.strerror or type(error).__name__}", advice) from error
