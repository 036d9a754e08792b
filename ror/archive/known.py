"""What the index need not be asked of a series again, since no answer to it changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from ror.archive.attributes import Description

__all__ = ["KnownSeries"]

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    patient_id: str
    study_uid: str
    attributes_of: str


class KnownSeries:
    """Series that were committed, with their study and patient; used by any number of threads.

    A series stays in its study, and a study stays its patient's, unless somebody removes it (`StudyRemover`): then the
    database refuses what is added. Another process may have given the series the attributes of a lesser instance since,
    never those of a greater one.
    """

    def __init__(self) -> None:
        self._series: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def includes(self, instance: Description) -> bool:
        """Whether its study and series are there, and are the right ones."""
        known = self._series.get(instance.series_uid)
        return (
            known is not None
            and known.patient_id == instance.patient_id
            and known.study_uid == instance.study_uid
        )

    def keeps(self, series_uid: str, sop_uid: str) -> bool:
        """Whether a series keeps the attributes that it has when it gets this instance."""
        known = self._series.get(series_uid)
        return known is not None and known.attributes_of <= sop_uid

    def add(self, instance: Description, attributes_of: str) -> None:
        """The study and series of an instance were committed; the series has the attributes of `attributes_of`."""
        with self._lock:
            if len(self._series) >= _MOST:
                del self._series[next(iter(self._series))]
            self._series[instance.series_uid] = _Known(instance.patient_id, instance.study_uid, attributes_of)

    def forget(self, series_uid: str) -> None:
        """The database does not have it: it was removed, or put back to an earlier state."""
        with self._lock:
            self._series.pop(series_uid, None)
