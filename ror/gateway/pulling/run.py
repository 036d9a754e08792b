"""The way of a pull, on one page: ask, leave out what was pulled, wait for the window, fetch, count, note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from anonymizer import ProjectKey
from orthanc import FoundStudy, PeerError, PeerUnavailable, Query, Retrieved
from ror.errors import ServiceUnavailable
from ror.gateway.completeness import Completeness
from ror.gateway.intake import Intake
from ror.gateway.pulling.journal import Journal
from ror.gateway.pulling.pulled import Failed, Pulled
from ror.gateway.pulling.sources import Move, StudySource
from ror.gateway.pulling.taker import Interrupted, Taker
from ror.gateway.pulling.window import ALWAYS, Window
from ror.stopping import Stop, asked_to_stop

__all__ = ["Order", "pull", "wait_for_window"]

_AWAY_AFTER = 3  # studies in succession
_LONGEST_WAIT_S = 60.0

Told = Callable[[Pulled], None]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Order:
    """Which studies, for whom, when, and how many of them at most (0: all)."""

    query: Query
    project: str
    window: Window = ALWAYS
    limit: int = 0


def pull(
    order: Order,
    source: StudySource,
    intake: Intake,
    journal: Journal,
    completeness: Completeness,
    told: Told = lambda _pulled: None,
    clock: Clock = lambda: datetime.now().astimezone(),
) -> Pulled:
    """Fetch the studies that match and were not pulled yet; `told` is called after each.

    A study that does not come as a whole is told in `Pulled.failed`, and the next one is tried.

    Raises
    ------
    ServiceUnavailable
        The PACS is away, or the archive takes nothing now. What has come is there; the same order goes on.
    PeerRefused
        The PACS refuses the query.
    """
    pulled = Pulled()
    with asked_to_stop() as stop:
        wait_for_window(order.window, stop, pulled, told, clock)
        studies = _asked(source, order.query)
        waiting = [study for study in studies if not journal.has(study)]
        pulled.found, pulled.before = len(studies), len(studies) - len(waiting)
        told(pulled)
        away = 0
        for study in waiting[: order.limit or None]:
            wait_for_window(order.window, stop, pulled, told, clock)
            if stop.asked:
                break
            taker = Taker(intake, order.project, source.sender, lambda: stop.asked)
            try:
                failed, is_away = _fetched(source, study, taker, journal.key)
            except Interrupted:
                break
            finally:
                pulled.objects += taker.objects
            away = away + 1 if is_away else 0
            if failed is None:
                completeness.sent_whole(taker.studies, f"all of it came from {source.sender}")
                journal.note(study)
                pulled.done += 1
            else:
                pulled.failed.append(failed)
            told(pulled)
            if away == _AWAY_AFTER:
                raise _away(pulled.failed[-1].what)
        pulled.complete = not stop.asked and not 0 < order.limit < len(waiting)
    return pulled


def wait_for_window(window: Window, stop: Stop, pulled: Pulled, told: Told, clock: Clock) -> None:
    """Return within the window, or when somebody asks to stop."""
    while not stop.asked and (seconds := window.seconds_until_open(clock())) > 0:
        pulled.waiting = f"waiting for {window}"
        told(pulled)
        stop.wait(min(seconds, _LONGEST_WAIT_S))  # the clock may be set, and the machine may sleep
    pulled.waiting = ""


def _asked(source: StudySource, query: Query) -> tuple[FoundStudy, ...]:
    try:
        return source.find(query)
    except PeerUnavailable as error:
        raise _away(str(error)) from error


def _fetched(
    source: StudySource, study: FoundStudy, taker: Taker, key: ProjectKey
) -> tuple[Failed | None, bool]:
    """What has failed, if anything, and whether that was for a source that is away."""
    name = key.uid(study.study_instance_uid)
    try:
        retrieved = source.fetch(study, taker)
    except PeerUnavailable as error:
        return Failed(name, str(error), "it is fetched again by the next pull"), True
    except PeerError as error:
        return Failed(
            name, str(error), "look into the log of the PACS, or choose another way with --by"
        ), False
    missing = _missing(source, study, taker, retrieved)
    if not missing:
        return None, False
    if isinstance(source, Move):
        advice = (
            "see `ror quarantine list` and the log of ror serve; with C-GET what is in quarantine has come"
        )
    else:
        advice = "look into the log of the PACS, or choose another way with --by"
    return Failed(name, f"{missing} objects did not come", advice), False


def _missing(source: StudySource, study: FoundStudy, taker: Taker, retrieved: Retrieved) -> int:
    wanted = max(study.instances or 0, retrieved.sent + retrieved.failed)
    came = retrieved.sent if isinstance(source, Move) else taker.came
    return max(0, wanted - came)


def _away(what: str) -> ServiceUnavailable:
    return ServiceUnavailable(what, "check that the PACS runs; the same command goes on where it stopped")
