"""When a study is complete, from all that is known of it, and why it was taken for complete. All of it is in rows.

Known is: how many instances it has where it comes from; which ones its procedure steps have made, or are told to be
available; that its sender has said that this was all; which series a workflow still needs that has found others in it;
and, as the last resort, how long it has been quiet. Whatever comes later makes it receiving again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ror.archive import announced
from ror.archive.announced import ABANDONED_SECONDS
from ror.archive.holdings import Holdings, StudyRow
from ror.db import tables
from ror.model import STUDY_TRANSITIONS, StudyEvent, StudyState

__all__ = ["NOTHING_NEEDED", "PATIENCE", "Settling", "StillNeeded", "moved", "settle_reason", "waits_for"]

PATIENCE: Final = 10
"""A study of which instances are known to be missing has to be quiet so many times as long."""
_LONG: Final = 1e12  # seconds, where infinity would be meant


@dataclass(frozen=True, slots=True)
class StillNeeded:
    """Which series workflows still need of a study that is only quiet, and how long it waits for them.

    Attributes
    ----------
    of
        Says it of a study that received something last at that time; "" where nothing is needed, or none has begun.
    patience
        Such a study has to be quiet so many times as long.
    """

    of: Callable[[str, float], str]
    patience: float


NOTHING_NEEDED: Final = StillNeeded(lambda _study_uid, _received_until: "", 1.0)


class Settling(Holdings):
    """Settles studies, and says to the database when they are matched."""

    def expect(self, project: str, study_uid: str, instances: int, told_by: str, now: float) -> None:
        """Keep how many instances a (research) study has where it comes from; the latest number counts."""
        told = {"instances": instances, "told_by": told_by, "told_at": now}
        insert = self._database.insert(tables.expected_studies)
        with self._database.write() as connection:
            connection.execute(
                insert.values(study_uid=study_uid, project=project, **told).on_conflict_do_update(
                    index_elements=["study_uid"], set_=told
                )
            )

    def sent_whole(self, study_uids: Collection[str], by: str) -> None:
        """Keep that the sender of these studies has sent what it had; the next object of one takes that back."""
        table = tables.studies
        update = (
            table.update()
            .where(table.c.study_uid == sa.bindparam("study"), table.c.state == StudyState.RECEIVING)
            .values(sent_whole_by=by)
        )
        if study_uids:
            with self._database.write() as connection:
                connection.execute(update, [{"study": study_uid} for study_uid in sorted(study_uids)])

    def settle(
        self,
        settle_seconds: float,
        now: float,
        there_for: float = math.inf,
        needed: StillNeeded = NOTHING_NEEDED,
    ) -> dict[str, str]:
        """Mark the studies that are complete at `now` as settled; return their UIDs, each with the reason.

        Parameters
        ----------
        settle_seconds
            For how long a study must have been quiet whose route says nothing else.
        there_for
            For how many seconds objects could have come in; no study has been quiet for longer.
        needed
            What workflows still need; a study that is complete only because it is quiet waits for it.
        """
        there_for = min(max(there_for, -1.0), _LONG)
        due = _receiving(settle_seconds, now, there_for)
        with self._read() as connection:
            complete = connection.execute(due).all()
        because = {row.study_uid: _because(row, settle_seconds) for row in complete}
        for row in complete:  # before anything is locked, for this may take some time
            if _is_only_quiet(row) and (still := needed.of(row.study_uid, row.last_received_at)):
                wait = needed.patience * _wait_seconds(row.settle_seconds, settle_seconds, None)
                because[row.study_uid] = f"quiet for {wait:g} s; {still} did not come"
                if min(now - row.last_received_at, there_for) < wait:
                    del because[row.study_uid]
        return self._settle(because, due, now) if because else {}

    def _settle(self, because: Mapping[str, str], due: sa.Select[Any], now: float) -> dict[str, str]:
        """Of the studies that are due, settle those of which it is told because of what."""
        table, settled = tables.studies, {}
        with self._database.write() as connection:
            for row in connection.execute(due).all():
                if row.study_uid not in because:
                    continue
                told = because[row.study_uid]
                move = moved(row.study_uid, StudyEvent.COMPLETE, settled_at=now, settled_because=told)
                # Asked again: PostgreSQL may have let an object in since.
                same = table.c.last_received_at == row.last_received_at
                if connection.execute(move.where(same)).rowcount:
                    settled[row.study_uid] = told
        return settled

    def mark_matched(
        self, connection: sa.Connection, study_uid: str, received_until: float, now: float
    ) -> bool:
        """Within a transaction: a match of what the study held at `received_until` is recorded.

        False if it has received something since then, even if it has settled again.
        """
        move = moved(study_uid, StudyEvent.MATCH_RECORDED, matched_at=now)
        return bool(
            connection.execute(move.where(tables.studies.c.last_received_at == received_until)).rowcount
        )

    def ask_again(self, connection: sa.Connection, study_uid: str) -> bool:
        """Within a transaction: a study that was matched is settled again. False if it was not matched."""
        return bool(connection.execute(moved(study_uid, StudyEvent.MATCH_ASKED)).rowcount)


def settle_reason(study: StudyRow) -> str:
    """Why a study is in its state."""
    because = study.settled_because or ""
    if study.state is not StudyState.RECEIVING:
        return because
    if study.settled_at is None:
        return "objects come"
    return "an object came after it had settled" + (f" ({because})" if because else "")


def waits_for(
    study: StudyRow, settle_seconds: float, now: float, needed: StillNeeded = NOTHING_NEEDED
) -> str:
    """What a study waits for before it goes on; empty when it has gone all its way."""
    match study.state:
        case StudyState.MATCHED:
            return ""
        case StudyState.SETTLED:
            return "to be matched, by `ror serve` or `ror work`"
    if study.sent_whole_by or study.instances == study.expected or study.told_whole:
        return "to settle, by `ror serve`"
    lacks = _lacks(study)
    seconds = _wait_seconds(study.settle_seconds, settle_seconds, lacks, in_progress=study.in_progress)
    still = needed.of(study.study_uid, study.last_received_at) if _is_only_quiet(study) else ""
    if still:
        seconds *= needed.patience
    quiet = min(max(now - study.last_received_at, 0.0), seconds)
    awaited = [
        *([still] if still else []),
        *(["the end of its procedure step"] if study.in_progress else []),
        *([f"{lacks[0]} of {lacks[1]} instances"] if lacks else []),
    ]
    told = f"{seconds:g} s of quiet, {quiet:.0f} s so far"
    return f"{' and '.join(awaited)}, or {told}" if awaited else told


def moved(study_uid: str | sa.BindParameter[str], event: StudyEvent, **values: Any) -> sa.Update:
    """One UPDATE for every row of the transition table that this event can be met in."""
    table = tables.studies
    targets = {state: to for (state, on), to in STUDY_TRANSITIONS.items() if on is event}
    (target,) = set(targets.values())
    return (
        table.update()
        .where(table.c.study_uid == study_uid, table.c.state.in_(list(targets)))
        .values(state=target, **values)
    )


def _receiving(settle_seconds: float, now: float, there_for: float) -> sa.Select[Any]:
    """What receives and is complete."""
    study, expected = tables.studies.c, tables.expected_studies.c
    held = (
        sa.select(sa.func.count())
        .select_from(tables.instances)
        .join(tables.series, tables.series.c.series_uid == tables.instances.c.series_uid)
        .where(tables.series.c.study_uid == study.study_uid, tables.series.c.made_by.is_(None))
        .correlate(tables.studies)
        .scalar_subquery()
    )
    # Instances are counted only where a number to compare them with is known.
    counted = sa.case((expected.instances.is_not(None), held))
    lacks = (expected.instances.is_not(None) & (expected.instances > counted)) | announced.lacks_named()
    patient = sa.func.coalesce(study.settle_seconds, settle_seconds) * sa.case((lacks, PATIENCE), else_=1)
    abandoned = (patient < ABANDONED_SECONDS) & announced.in_progress()
    wait = sa.case((abandoned, ABANDONED_SECONDS), else_=patient)
    return (
        sa.select(
            study.study_uid,
            study.last_received_at,
            study.settle_seconds,
            study.sent_whole_by,
            expected.instances.label("expected"),
            expected.told_by,
            held.label("instances"),
            announced.named().label("named"),
            announced.missing().label("named_missing"),
            announced.told_by().label("named_by"),
            announced.told_whole().label("told_whole"),
            announced.in_progress().label("in_progress"),
        )
        .select_from(tables.studies.outerjoin(tables.expected_studies, expected.study_uid == study.study_uid))
        .where(study.state == StudyState.RECEIVING)
        .where(
            study.sent_whole_by.is_not(None)
            | (expected.instances == counted)
            | announced.told_whole()
            | ((study.last_received_at <= now - wait) & (wait <= there_for))
        )
    )


def _is_only_quiet(study: StudyRow | sa.Row[Any]) -> bool:
    """Whether a study that is complete is so for no better reason than that nothing has come for a while."""
    whole = study.sent_whole_by or study.instances == study.expected or study.told_whole
    return not (whole or _lacks(study) or study.in_progress)


def _because(row: sa.Row[Any], settle_seconds: float) -> str:
    if row.expected is not None and row.instances == row.expected:
        return f"all {row.expected} instances came ({row.told_by})"
    if row.told_whole:
        return f"all {row.named} instances came ({row.named_by})"
    lacks = _lacks(row)
    seconds = _wait_seconds(row.settle_seconds, settle_seconds, lacks, in_progress=row.in_progress)
    because = str(row.sent_whole_by or f"quiet for {seconds:g} s")
    if row.in_progress:
        because += "; its procedure step has not ended"
    return f"{because}; {lacks[1] - lacks[0]} of {lacks[1]} instances came" if lacks else because


def _lacks(study: StudyRow | sa.Row[Any]) -> tuple[int, int] | None:
    """How many instances are missing, of how many; None where none is known to be."""
    expected = study.expected or 0
    if expected > study.instances:
        return expected - study.instances, expected
    return (study.named_missing, study.named) if study.named_missing else None


def _wait_seconds(
    own: float | None, settle_seconds: float, lacks: tuple[int, int] | None, *, in_progress: bool = False
) -> float:
    seconds = (settle_seconds if own is None else own) * (PATIENCE if lacks else 1)
    return max(seconds, ABANDONED_SECONDS) if in_progress else seconds
