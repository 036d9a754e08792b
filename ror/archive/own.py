"""Results in the archive itself, beside their images: series of the same study that no workflow ever sees.

They lie in a folder of their own, where nobody takes one that is not indexed for an image that was sent, and their
series say which job has made them. They make no study receive again, count as none of its images, and are selected by
nothing; DICOMweb shows them.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from pydicom import dcmread

from ror.archive.attributes import describe
from ror.archive.durable import write_durably
from ror.archive.store import DifferentContent
from ror.db import Database, in_batches, tables
from ror.whole_file import sync_folder

__all__ = ["OwnSeries"]

_FOLDER: Final = ".results"
_study, _series, _instance = tables.studies.c, tables.series.c, tables.instances.c
_OURS: Final = _instance.series_uid.in_(sa.select(_series.series_uid).where(_series.made_by.is_not(None)))


class OwnSeries:
    """Files results, tells which there are, and removes them; each twice is harmless."""

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root

    def file(self, project: str, job_id: str, source: Path) -> None:
        """Copy a result into the archive, in place of the one of its UID, and index it.

        Raises
        ------
        DifferentContent
            Its study is not held in the project, or its series is one that was sent; nothing is changed.
        OSError
            The disk refuses.
        """
        described = describe(dcmread(source, stop_before_pixels=True))
        data = source.read_bytes()
        path = f"{_FOLDER}/{project}/{described.study_uid}/{described.series_uid}/{described.sop_uid}.dcm"
        with self._database.write() as connection:
            self._require_place(
                connection, project, described.study_uid, described.series_uid, described.sop_uid
            )
        self._write(path, data)
        with self._database.write() as connection:
            values = {
                "attributes_of": described.sop_uid,
                "attributes": dict(described.attributes),
                "made_by": job_id,
            }
            series = self._database.insert(tables.series).values(
                series_uid=described.series_uid, study_uid=described.study_uid, **values
            )
            connection.execute(series.on_conflict_do_update(index_elements=["series_uid"], set_=values))
            row = {
                "series_uid": described.series_uid,
                "sop_class_uid": described.sop_class_uid,
                "path": path,
                "sha256": hashlib.sha256(data).hexdigest(),
                "source_digest": "",
                "received_at": time.time(),
            }
            instance = self._database.insert(tables.instances).values(sop_uid=described.sop_uid, **row)
            connection.execute(instance.on_conflict_do_update(index_elements=["sop_uid"], set_=row))

    def held(self, sop_uids: Iterable[str]) -> frozenset[str]:
        """Those of some results that are indexed, and whose files are as they were filed."""
        query = sa.select(_instance.sop_uid, _instance.path, _instance.sha256).where(_OURS)
        with self._database.read() as connection:
            rows = [
                row
                for some in in_batches(sop_uids)
                for row in connection.execute(query.where(_instance.sop_uid.in_(some)))
            ]
        return frozenset(row.sop_uid for row in rows if self._is_whole(row.path, row.sha256))

    def remove(self, sop_uids: Collection[str]) -> int:
        """Remove results, and series that they leave empty; how many were there."""
        paths: list[str] = []
        with self._database.write() as connection:
            for some in in_batches(sop_uids):
                chosen = _OURS & _instance.sop_uid.in_(some)
                paths += connection.execute(sa.select(_instance.path).where(chosen)).scalars()
                connection.execute(tables.instances.delete().where(chosen))
            full = sa.exists().where(_instance.series_uid == _series.series_uid)
            connection.execute(tables.series.delete().where(_series.made_by.is_not(None), ~full))
        for path in paths:
            (self._root / path).unlink(missing_ok=True)
        return len(paths)

    def _require_place(
        self, connection: sa.Connection, project: str, study_uid: str, series_uid: str, sop_uid: str
    ) -> None:
        studies = sa.select(_study.project).where(_study.study_uid == study_uid)
        if connection.execute(studies).scalar() != project:
            raise DifferentContent(sop_uid, f"nowhere, and its study is not held in project {project}")
        series = sa.select(_series.series_uid).where(
            _series.series_uid == series_uid, _series.made_by.is_(None)
        )
        instance = sa.select(_instance.sop_uid).where(_instance.sop_uid == sop_uid, ~_OURS)
        if connection.execute(series).first() or connection.execute(instance).first():
            raise DifferentContent(sop_uid, "nowhere, but it, or its series, is one that was sent")

    def _write(self, path: str, data: bytes) -> None:
        target = self._root / path
        incoming = self._root / ".incoming" / f"{uuid.uuid4().hex}.part"
        incoming.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_durably(incoming, len(data), [data])
            for folder in reversed([target.parent, *target.parent.parents]):
                if folder.is_relative_to(self._root) and not folder.exists():
                    folder.mkdir(exist_ok=True)
                    sync_folder(folder.parent)
            incoming.replace(target)
            sync_folder(target.parent)
        finally:
            incoming.unlink(missing_ok=True)

    def _is_whole(self, path: str, sha256: str) -> bool:
        file = self._root / path
        return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256
