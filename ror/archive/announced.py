"""What has been announced of a study, as expressions over its row: which instances it has, and what still goes on."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from ror.db import tables
from ror.model import StepState

__all__ = ["ABANDONED_SECONDS", "in_progress", "lacks_named", "missing", "named", "told_by", "told_whole"]

ABANDONED_SECONDS: Final = 3600.0
"""A study with a procedure step in progress has to be quiet for so long at least: some modalities end none."""

_study = tables.studies.c
_announced = tables.announced_studies.c
_instance = tables.announced_instances.c
_held = tables.instances.c
_OF_STUDY: Final = _announced.study_uid == _study.study_uid
_COMPLETED: Final = _OF_STUDY & (_announced.state == StepState.COMPLETED)
_NAMED: Final = tables.announced_studies.join(
    tables.announced_instances, _instance.announcement_uid == _announced.announcement_uid
)
_NAMED_AND_HELD: Final = _NAMED.outerjoin(tables.instances, _held.sop_uid == _instance.sop_uid)


def in_progress() -> sa.ColumnElement[bool]:
    """Whether a procedure step of the study is in progress."""
    return _exists(tables.announced_studies, _OF_STUDY & (_announced.state == StepState.IN_PROGRESS))


def lacks_named() -> sa.ColumnElement[bool]:
    """Whether an instance is not here that a completed step, or a notification, has named."""
    return _exists(_NAMED_AND_HELD, _COMPLETED & _held.sop_uid.is_(None))


def told_whole() -> sa.ColumnElement[bool]:
    """Whether all steps are over, all instances that they have named are here, and no other has come since then.

    Else each object that nobody has named would make jobs of its own.
    """
    # Not `last_received_at`, which is when its objects were indexed: that is later.
    newest = _newest()
    told_last = _exists(_NAMED, _COMPLETED & (_announced.told_at >= newest))
    named_last = _exists(_NAMED_AND_HELD, _COMPLETED & (_held.received_at >= newest))
    return ~in_progress() & _exists(_NAMED, _COMPLETED) & ~lacks_named() & (told_last | named_last)


def named() -> sa.ScalarSelect[int]:
    """How many instances have been named."""
    return _counted(_NAMED, _COMPLETED)


def missing() -> sa.ScalarSelect[int]:
    """How many of them are not here."""
    return _counted(_NAMED_AND_HELD, _COMPLETED & _held.sop_uid.is_(None))


def told_by() -> sa.ScalarSelect[str]:
    """Who has told last which instances there are."""
    query = sa.select(_announced.told_by).select_from(_NAMED).where(_COMPLETED)
    return query.order_by(_announced.told_at.desc()).limit(1).correlate(tables.studies).scalar_subquery()


def _newest() -> sa.ScalarSelect[float]:
    """When the latest object of the study came."""
    instance, series = tables.instances.alias("of_study"), tables.series.alias("series_of_study")
    query = (
        sa.select(sa.func.max(instance.c.received_at))
        .select_from(series.join(instance, instance.c.series_uid == series.c.series_uid))
        .where(series.c.study_uid == _study.study_uid)
    )
    return query.correlate(tables.studies).scalar_subquery()


def _exists(where_from: Any, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return (
        sa.select(sa.literal(1)).select_from(where_from).where(condition).correlate(tables.studies).exists()
    )


def _counted(where_from: Any, condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    query = sa.select(sa.func.count(sa.distinct(_instance.sop_uid))).select_from(where_from).where(condition)
    return query.correlate(tables.studies).scalar_subquery()
