"""The index over the archive: what is filed is added to it, and its studies settle and are matched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa
from pydicom import dcmread

from ror.archive.attributes import Description, describe
from ror.archive.group import Group
from ror.archive.known import KnownSeries
from ror.archive.receipt import Receipt
from ror.archive.rows import (
    Waiting,
    add_instance,
    add_instances,
    add_original_uids,
    add_series,
    add_study,
    row_of,
    set_attributes,
)
from ror.archive.settling import Settling
from ror.archive.store import (
    DifferentContent,
    Filed,
    FileStore,
    file_of,
    let_go,
    make_names_durable,
    set_aside,
)
from ror.archive.turns import Turns
from ror.db import Database

__all__ = ["Index"]

_MOST_WAITING: Final = 1000
_NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})


class Index(Settling):
    """Writes the tables studies, series and instances, settles studies, and reads them as `Holdings` does.

    What is added soon waits for a tenth of a second; whoever asks this index for anything sees it all the same. A
    process that ends calls `flush` first; what a killed one has left is found by `heal`.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known = KnownSeries()
        self._group: Group[Waiting] = Group(self._write, _MOST_WAITING)
        self._waiting: dict[str, Waiting] = {}
        self._turns = Turns()

    # -- the way in ---------------------------------------------------------------------------------------------------

    def turn(self, sop_uid: str) -> AbstractContextManager[None]:
        """Be the only thread for a block that adds this instance, from asking for its `source_digest` on."""
        return self._turns.of(sop_uid)

    def source_digest(self, sop_uid: str) -> str | None:
        """The keyed digest of what was received as this instance, or None if it is not held."""
        waiting = self._waiting.get(sop_uid)
        return super().source_digest(sop_uid) if waiting is None else waiting.source_digest

    def may_wait(self, instance: Description) -> bool:
        """Whether nothing that the index knows can speak against an instance that is not held.

        Raises
        ------
        ServiceUnavailable
            Too many wait, as nothing could be written for some time.
        """
        if not self._known.includes(instance):
            return False
        self._group.require_room()
        return True

    def add_soon(self, instance: Description, filed: Filed, receipt: Receipt, now: float) -> None:
        """Index in a moment what `may_wait`, was not held, and was filed with this receipt."""
        row = row_of(instance, filed, receipt.source_digest, now)
        assert filed.waiting_at is not None
        file = file_of(filed.waiting_at, filed)
        waiting = Waiting(instance.study_uid, filed, file, receipt.settle_seconds, row, receipt.sealed)
        self._waiting[instance.sop_uid] = waiting
        self._group.add(waiting)

    def flush(self) -> None:
        """Return when everything that was added before is indexed; `ServiceUnavailable` if it cannot be now."""
        self._group.flush()

    def sent_whole(self, study_uids: Collection[str], by: str) -> None:
        """Keep that the sender of these studies has sent what it had; the next object of one takes that back."""
        self.flush()
        super().sent_whole(study_uids, by)

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        self.flush()
        with super()._read() as connection:
            yield connection

    def add(
        self,
        project: str,
        instance: Description,
        filed: Filed,
        source_digest: str,
        now: float,
        settle_seconds: float | None = None,
        sealed: Mapping[str, bytes] = _NOTHING,
    ) -> bool:
        """Index a filed instance; its study is receiving again. Returns False, changing nothing, if it is known.

        Quiet for `settle_seconds`, or for as long as the settings say, the study will be complete. `sealed` are
        original UIDs, by those of research, that are kept with it, also if it is known.

        Raises
        ------
        DifferentContent
            The instance is known in another series or study, its series in another study, or its study of another
            patient; nothing is changed.
        """
        if instance.sop_uid in self._waiting:
            self.flush()
        return self._add(project, instance, filed, source_digest, now, settle_seconds, sealed)

    def _add(
        self,
        project: str,
        instance: Description,
        filed: Filed,
        source_digest: str,
        now: float,
        settle_seconds: float | None,
        sealed: Mapping[str, bytes] = _NOTHING,
    ) -> bool:
        try:
            return self._add_now(project, instance, filed, source_digest, now, settle_seconds, sealed)
        except sa.exc.IntegrityError:
            if not self._known.includes(instance):
                raise
            self._known.forget(instance.series_uid)  # somebody has removed its study
        return self._add_now(project, instance, filed, source_digest, now, settle_seconds, sealed)

    def _add_now(
        self,
        project: str,
        instance: Description,
        filed: Filed,
        source_digest: str,
        now: float,
        settle_seconds: float | None,
        sealed: Mapping[str, bytes],
    ) -> bool:
        database, attributes_of = self._database, ""
        with database.write() as connection:
            keeps = self._known.keeps(instance.series_uid, instance.sop_uid)
            if not (keeps and self._known.includes(instance)):
                add_study(database, connection, project, instance, now)
                attributes_of = add_series(database, connection, instance)
            row = row_of(instance, filed, source_digest, now)
            added = add_instance(database, connection, instance.study_uid, row, settle_seconds)
            add_original_uids(database, connection, project, sealed)
        if attributes_of:  # what was rolled back is not known
            self._known.add(instance, attributes_of)
        return added

    def _write(self, waiting: Sequence[Waiting]) -> None:
        filed = [one.filed for one in waiting]
        make_names_durable(filed)
        try:
            for strange in self._add_all(waiting):
                set_aside(strange.filed)
        except sa.exc.IntegrityError:  # a series was removed, or the database is not the one that it was
            for one in waiting:
                self._known.forget(one.series_uid)
                if one.file.exists():  # or somebody has removed it
                    receipt = Receipt(one.project, one.source_digest, one.settle_seconds, one.sealed)
                    self._heal_one(one.filed, one.file, receipt)
        for one in waiting:
            self._waiting.pop(one.sop_uid, None)
        let_go(filed)

    def _add_all(self, waiting: Sequence[Waiting]) -> Collection[Waiting]:
        least: dict[str, Waiting] = {}
        for one in waiting:
            if one.series_uid not in least or one.sop_uid < least[one.series_uid].sop_uid:
                least[one.series_uid] = one
        described = [
            _described(one.file)
            for uid, one in sorted(least.items())
            if one.file.exists() and not self._known.keeps(uid, one.sop_uid)
        ]
        with self._database.write() as connection:
            for description in described:
                set_attributes(self._database, connection, description)
            strange = add_instances(self._database, connection, waiting)
        for description in described:
            self._known.add(description, description.sop_uid)
        return strange

    # -- healing ------------------------------------------------------------------------------------------------------

    def heal(self, root: Path, projects: Iterable[str]) -> int:
        """Index the files that a killed process had filed and not yet indexed; return how many.

        What it would have refused, and so never acknowledged, is removed.
        """
        healed = 0
        for filed, receipt in FileStore(root).recovered():
            # Under its receipt, so that the same object is known again by what was received.
            file = root / filed.path
            healed += self._heal_one(filed, file, receipt)
            let_go([filed])
        for file in self.unindexed(root, projects):
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            filed = Filed(str(file.relative_to(root)), sha256, new=True)
            healed += self._heal_one(filed, file, Receipt(filed.project, ""))
        return healed

    def _heal_one(self, filed: Filed, file: Path, receipt: Receipt) -> bool:
        """Index a file from what it, and its receipt, say; False if it is known, or is refused."""
        described = _described(file)
        sealed = {described.sop_uid: receipt.sealed} if receipt.sealed else _NOTHING
        wait, now = receipt.settle_seconds, time.time()
        try:
            return self._add(filed.project, described, filed, receipt.source_digest, now, wait, sealed)
        except DifferentContent:
            if filed.waiting_at is None:
                file.unlink()
            else:
                set_aside(filed)
            return False


def _described(file: Path) -> Description:
    return describe(dcmread(file, stop_before_pixels=True))
