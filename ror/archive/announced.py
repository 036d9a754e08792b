"""What has been announced of a study, as expressions over its row: which instances it has, and what still goes on.

They are made once, for the settler asks five times a second.
"""

from __future__ import annotations

from functools import cache
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
_series = tables.series.c
_OF_STUDY: Final = _announced.study_uid == _study.study_uid
_COMPLETED: Final = _OF_STUDY & (_announced.state == StepState.COMPLETED)
_NAMED: Final = tables.announced_studies.join(
    tables.announced_instances, _instance.announcement_uid == _announced.announcement_uid
)
_NAMED_AND_HELD: Final = _NAMED.outerjoin(tables.instances, _held.sop_uid == _instance.sop_uid)

_SENT: Final = _series.made_by.is_(None)
_OF_THE_STUDY: Final = tables.series.join(tables.instances, _held.series_uid == _series.series_uid)


@cache
def in_progress() -> sa.ColumnElement[bool]:
    """Whether a procedure step of the study is in progress."""
    return _exists(tables.announced_studies, _OF_STUDY & (_announced.state == StepState.IN_PROGRESS))


@cache
def lacks_named() -> sa.ColumnElement[bool]:
    """Whether an instance is not here that a completed step, or a notification, has named."""
    return _exists(_NAMED_AND_HELD, _COMPLETED & _held.sop_uid.is_(None))


@cache
def told_whole() -> sa.ColumnElement[bool]:
    """Whether all steps are over, all instances that they have named are here, and no other has come since then.

    Else each object that nobody has named would make jobs of its own.
    """
    # Each is a number of the study, found once: within EXISTS they would be found for every instance.
    # Not `last_received_at`, which is when its objects were indexed: that is later.
    newest = _latest(_held.received_at, _OF_THE_STUDY, _SENT & (_series.study_uid == _study.study_uid))
    told = _latest(_announced.told_at, tables.announced_studies, _COMPLETED & _names_any())
    named_last = _latest(_held.received_at, _NAMED_AND_HELD, _COMPLETED)
    is_last: sa.ColumnElement[bool] = (told >= newest) | (named_last >= newest)
    return told.is_not(None) & ~in_progress() & ~lacks_named() & is_last


@cache
def named() -> sa.ScalarSelect[int]:
    """How many instances have been named."""
    return _counted(_NAMED, _COMPLETED)


@cache
def missing() -> sa.ScalarSelect[int]:
    """How many of them are not here."""
    return _counted(_NAMED_AND_HELD, _COMPLETED & _held.sop_uid.is_(None))


@cache
def told_by() -> sa.ScalarSelect[str]:
    """Who has told last which instances there are."""
    query = sa.select(_announced.told_by).select_from(_NAMED).where(_COMPLETED)
    return query.order_by(_announced.told_at.desc()).limit(1).correlate(tables.studies).scalar_subquery()


def _names_any() -> sa.ColumnElement[bool]:
    query = sa.select(sa.literal(1)).where(_instance.announcement_uid == _announced.announcement_uid)
    return query.correlate(tables.announced_studies).exists()


def _latest(
    time: sa.ColumnElement[float], where_from: Any, condition: sa.ColumnElement[bool]
) -> sa.ScalarSelect[float]:
    query = sa.select(sa.func.max(time)).select_from(where_from).where(condition)
    return query.correlate(tables.studies).scalar_subquery()


def _exists(where_from: Any, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return (
        sa.select(sa.literal(1)).select_from(where_from).where(condition).correlate(tables.studies).exists()
    )


def _counted(where_from: Any, condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    query = sa.select(sa.func.count(sa.distinct(_instance.sop_uid))).select_from(where_from).where(condition)
    return query.correlate(tables.studies).scalar_subquery()
