"""Masks that were corrected in a viewer and came back: each is kept as a version of its own, and never replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from ror.db import Database, tables
from ror.results.corrected import CorrectedMask

__all__ = ["Correction", "CorrectionStore"]

_corrections, _jobs = tables.corrections.c, tables.jobs.c


@dataclass(frozen=True, slots=True)
class Correction:
    """One version of a corrected mask.

    Attributes
    ----------
    version
        From 1, of this mask of this job.
    series_uid
        Of the images that it lies on.
    sender
        Who has sent it: an AE title, or the name of a token.
    agreement
        Dice of each segment, by label, with the mask as the workflow made it.
    """

    sop_uid: str
    project: str
    job_id: str
    workflow: str
    workflow_version: str
    patient_id: str
    study_uid: str
    series_uid: str
    mask: str
    version: int
    sender: str
    received_at: float
    agreement: Mapping[str, float]
    path: Path

    @property
    def as_mask(self) -> CorrectedMask:
        """As it takes the place of the mask that it corrects."""
        at = datetime.fromtimestamp(int(self.received_at), UTC)
        return CorrectedMask(self.mask, self.sop_uid, at, self.path)


class CorrectionStore:
    """Reads and writes the table corrections; the segmentations lie in `folder`, one for each job."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def file(self, job_id: str, mask: str, sop_uid: str) -> Path:
        """Where a correction is to be written before it is added."""
        return self._folder / job_id / f"{mask}-{sop_uid}.seg.dcm"

    def add(
        self,
        job_id: str,
        mask: str,
        sop_uid: str,
        series_uid: str,
        sender: str,
        received_at: float,
        agreement: Mapping[str, float],
    ) -> bool:
        """Add one whose file is written, as the next version of its mask. False if it was there before."""
        table = tables.corrections
        latest = sa.select(sa.func.max(_corrections.version)).where(
            _corrections.job_id == job_id, _corrections.mask == mask
        )
        with self._database.write() as connection:
            # One at a time for each job, so that versions follow each other.
            connection.execute(sa.select(_jobs.id).where(_jobs.id == job_id).with_for_update())
            values = {
                "sop_uid": sop_uid,
                "job_id": job_id,
                "mask": mask,
                "version": (connection.execute(latest).scalar() or 0) + 1,
                "series_uid": series_uid,
                "sender": sender,
                "received_at": received_at,
                "agreement": dict(agreement),
                "path": str(self.file(job_id, mask, sop_uid).relative_to(self._folder)),
            }
            insert = self._database.insert(table).values(values)
            return bool(connection.execute(insert.on_conflict_do_nothing()).rowcount)

    def of_job(self, job_id: str) -> list[Correction]:
        """All versions of the masks of a job, the latest of each mask first."""
        return self._list(_corrections.job_id == job_id)

    def latest(self, job_id: str) -> list[Correction]:
        """The latest version of each mask of a job that was corrected."""
        return list({one.mask: one for one in reversed(self.of_job(job_id))}.values())

    def those(self, sop_uids: Iterable[str]) -> list[Correction]:
        """The corrections of these UIDs."""
        wanted = list(sop_uids)
        return self._list(_corrections.sop_uid.in_(wanted)) if wanted else []

    def of_project(self, project: str | None = None) -> list[Correction]:
        """All corrections, or those of a project, by job and mask, the latest version first."""
        return self._list(sa.true() if project is None else _jobs.project == project)

    def _list(self, where: sa.ColumnElement[bool]) -> list[Correction]:
        table = tables.corrections
        query = (
            sa.select(table, _jobs.project, _jobs.workflow, _jobs.version.label("workflow_version"))
            .add_columns(_jobs.patient_id, _jobs.study_uid)
            .join(tables.jobs, _jobs.id == table.c.job_id)
            .where(where)
            .order_by(_jobs.project, table.c.job_id, table.c.mask, table.c.version.desc())
        )
        with self._database.read() as connection:
            return [
                Correction(
                    row.sop_uid,
                    row.project,
                    row.job_id,
                    row.workflow,
                    row.workflow_version,
                    row.patient_id,
                    row.study_uid,
                    row.series_uid,
                    row.mask,
                    row.version,
                    row.sender,
                    row.received_at,
                    row.agreement,
                    self._folder / row.path,
                )
                for row in connection.execute(query)
            ]
