"""Deliveries: each destination on its own, nothing twice, and done when the destination shows that it holds it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydicom.uid import SegmentationStorage

from orthanc import OrthancServer
from ror.db import Database
from ror.engine import JobStore
from ror.model import Job, JobState
from ror.results import (
    Deliverer,
    DeliveryRefused,
    DeliveryUnavailable,
    Destination,
    Held,
    Ledger,
    MadeObject,
    Outgoing,
    Shipment,
    SourceSeries,
    destination_of,
    encode,
    read_outputs,
    validate,
    write,
)
from tests.engine.test_jobs import a_job, bring, jobs, made
from tests.orthanc.test_orthanc_pacs import image
from tests.results.own_pacs import OwnPacs
from tests.results.samples import ct_headers, job_on, manifest, write_series
from tests.results.test_destinations import outgoing, settings

__all__ = ["jobs"]  # the fixture

MINUTE = 60.0


class Clock:
    """Seconds since the epoch, as a test wants them."""

    def __init__(self) -> None:
        self.seconds = 1e9

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


@pytest.fixture
def deliverer(ledger: Ledger, clock: Clock) -> Deliverer:
    return Deliverer(ledger, clock)


@pytest.fixture
def job(database: Database, jobs: JobStore) -> Job:
    return made(database, jobs, JobState.RUNNING)


def shipment(job: Job, ledger: Ledger, folder: Path, images: int = 0, results: int = 3) -> Shipment:
    """Of a job that has made some results."""
    of_job = [outgoing(image(folder)) for _ in range(results)]
    note_made(ledger, job, of_job)
    return Shipment(job, [outgoing(image(folder)) for _ in range(images)], of_job, ())


def note_made(ledger: Ledger, job: Job, objects: Sequence[Outgoing]) -> None:
    rows = [MadeObject(one.sop_uid, one.kind, "1.2", one.series_uid, one.study_uid, "x") for one in objects]
    ledger.set_made(job.id, rows)


def own(pacs: OwnPacs, name: str = "main", **more: object) -> Destination:
    return destination_of(name, pacs.settings(**more), "ROR")


def folder(path: Path, name: str = "folder") -> Destination:
    return destination_of(name, settings(folder=str(path)), "ROR")


# -- done when confirmed ----------------------------------------------------------------------------------------------


@pytest.mark.orthanc
@pytest.mark.parametrize("by", ["C-FIND", "QIDO-RS"])
def test_an_honest_orthanc_confirms_segmentation_and_report_beside_the_images(
    by: str,
    orthanc_web: OrthancServer,
    output: Path,
    job: Job,
    ledger: Ledger,
    deliverer: Deliverer,
    tmp_path: Path,
) -> None:
    peer, url = orthanc_web.peer, f"{orthanc_web.rest.url}/dicom-web"
    by_dimse = settings(host=peer.host, port=peer.port, ae_title=peer.ae_title)
    destination = destination_of("main", by_dimse if by == "C-FIND" else settings(dicomweb_url=url), "ROR")
    whole = encoded(output, job, ledger, tmp_path)
    for _ in range(2):  # once more changes nothing
        assert deliverer.deliver(whole, [destination]) == f"main: 6 images, 3 results, confirmed by {by}"
    (study,) = orthanc_web.rest.studies(PatientID="P-1")
    series = orthanc_web.rest.series(StudyInstanceUID=study.study_instance_uid)
    assert sorted((one.modality, one.instance_count) for one in series) == [
        ("CT", 6),
        ("SEG", 1),
        ("SR", 1),
        ("SR", 1),
    ]
    (state,) = ledger.states(job.id)
    assert (state.made, state.delivered, state.confirmed, state.confirmed_by) == (3, 3, 3, by)


def encoded(output: Path, job: Job, ledger: Ledger, folder: Path) -> Shipment:
    """The images of a small CT, and the objects made of an output on it."""
    files = write_series(ct_headers(), folder / "images")
    of_job = job_on(SourceSeries.read("CT", files))
    objects = encode(read_outputs(output, manifest(), of_job), of_job)
    validate(objects, of_job)
    results = [outgoing(path) for path in write(objects, folder / "results")]
    note_made(ledger, job, results)
    return Shipment(job, [outgoing(path) for path in files], results, ())


def test_what_a_pacs_acknowledges_and_loses_is_told_and_sent_again_after_a_while(
    job: Job, ledger: Ledger, deliverer: Deliverer, clock: Clock, tmp_path: Path
) -> None:
    whole = shipment(job, ledger, tmp_path)
    sent = [one.sop_uid for one in whole.results]
    with OwnPacs(to_lose=1).running() as pacs:
        for _ in range(2):  # it has a minute to show what it acknowledged
            with pytest.raises(
                DeliveryUnavailable, match="main: acknowledged 3 objects and holds 2"
            ) as waits:
                deliverer.deliver(whole, [own(pacs)])
            assert 'confirm = "no" in [pacs.main]' in waits.value.advice
            assert pacs.received == sent
        (state,) = ledger.states(job.id)
        assert (state.delivered, state.confirmed) == (3, 2)
        clock.seconds += MINUTE
        assert deliverer.deliver(whole, [own(pacs)]) == "main: 0 images, 3 results, confirmed by C-FIND"
    assert pacs.received == [*sent, sent[0]]


def test_a_pacs_that_shows_later_what_it_holds_gets_nothing_twice(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole = shipment(job, ledger, tmp_path, images=2)
    with OwnPacs(to_hide=2).running() as pacs:
        for _ in range(2):
            with pytest.raises(DeliveryUnavailable, match="acknowledged 5 objects and holds 0"):
                deliverer.deliver(whole, [own(pacs)])
        assert deliverer.deliver(whole, [own(pacs)]) == "main: 2 images, 3 results, confirmed by C-FIND"
        queries = pacs.queries
        deliverer.deliver(whole, [own(pacs)])
    assert pacs.queries == queries  # what is confirmed is not asked for again
    assert len(pacs.received) == 5


@dataclass
class Hole:
    """A destination that acknowledges everything, and holds nothing."""

    sent: list[str] = field(default_factory=list)
    name: str = "hole"
    images: bool = True

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        for one in objects:
            self.sent.append(one.sop_uid)
            acknowledged(one.sop_uid)

    def held(self, objects: Sequence[Outgoing]) -> Held:
        return Held("nothing", frozenset())

    def remove(self, objects: Sequence[Outgoing]) -> int:
        raise AssertionError("nothing is removed before its successor is confirmed")


def test_what_is_lost_again_and_again_is_sent_ever_more_slowly(
    job: Job, ledger: Ledger, deliverer: Deliverer, clock: Clock, tmp_path: Path
) -> None:
    whole, hole = shipment(job, ledger, tmp_path, results=1), Hole()
    at = []
    for minute in range(2 * 60 + 10):
        with pytest.raises(DeliveryUnavailable):
            deliverer.deliver(replace(whole, replaced=whole.results), [hole])
        if len(hole.sent) > len(at):
            at.append(minute)
        clock.seconds += MINUTE
    assert at == [0, 1, 3, 7, 15, 31, 63, 123]


def test_a_pacs_that_cannot_be_asked_has_been_sent_to_and_says_so(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole = shipment(job, ledger, tmp_path)
    with OwnPacs(offers_find=False).running() as pacs:
        told = deliverer.deliver(whole, [own(pacs)])
        assert told.startswith("main: 0 images, 3 results, sent, not confirmed (OWN at 127.0.0.1:")
        assert deliverer.deliver(whole, [own(pacs, confirm="no")]).endswith("(it is not to be asked)")
        with pytest.raises(DeliveryRefused, match=r"main: OWN at .* accepts none of the proposed") as refused:
            deliverer.deliver(whole, [own(pacs, confirm="find")])
    assert "confirm" in refused.value.advice
    assert len(pacs.received) == 3
    (state,) = ledger.states(job.id)
    assert (state.delivered, state.confirmed, state.confirmed_by) == (3, 0, "")


# -- each on its own --------------------------------------------------------------------------------------------------


def test_a_destination_that_is_down_neither_stops_nor_repeats_the_others(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole, unmounted = shipment(job, ledger, tmp_path, images=1), tmp_path / "unmounted"
    with OwnPacs().running() as pacs:
        there = [folder(unmounted), own(pacs)]
        for _ in range(3):
            with pytest.raises(
                DeliveryUnavailable, match=r"folder: there is no folder .*; main: 1 images, 3 "
            ):
                deliverer.deliver(whole, there)
            assert len(pacs.received) == 4
        unmounted.mkdir()
        told = deliverer.deliver(whole, there)
    assert told == (
        "folder: 1 images, 3 results, confirmed by reading back; main: 1 images, 3 results, confirmed by C-FIND"
    )
    assert len(pacs.received) == len(list(unmounted.rglob("*.dcm"))) == 4
    assert [state.destination for state in ledger.states(job.id)] == ["folder", "main"]


@dataclass
class Slow(Hole):
    """A hole that takes nothing before a folder has something."""

    until: Path = field(default_factory=Path)
    name: str = "slow"

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        deadline = time.monotonic() + 60
        while not any(self.until.iterdir()):
            assert time.monotonic() < deadline, "the folder behind has waited for the slow one"
            time.sleep(0.01)
        super().send(objects, acknowledged)


def test_a_slow_destination_holds_back_no_other(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole, mounted = shipment(job, ledger, tmp_path), tmp_path / "mounted"
    mounted.mkdir()
    with pytest.raises(
        DeliveryUnavailable, match=r"slow: acknowledged 3 objects and holds 0; folder: .*3 res"
    ):
        deliverer.deliver(whole, [Slow(until=mounted), folder(mounted)])


def test_one_that_refuses_fails_the_job_when_nothing_is_left_to_wait_for(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    refused = outgoing(image(tmp_path, SegmentationStorage))
    note_made(ledger, job, [refused])
    whole, unmounted = Shipment(job, (), [refused], ()), tmp_path / "unmounted"
    with OwnPacs(not_taken=(SegmentationStorage,)).running() as pacs:
        there = [own(pacs), folder(unmounted)]
        with pytest.raises(DeliveryUnavailable, match=r"main: .*refused 1 of 1 files.*; folder: there is no"):
            deliverer.deliver(whole, there)
        unmounted.mkdir()
        with pytest.raises(
            DeliveryRefused, match=r"main: .*refused 1 of 1 files.*; folder: 0 images, 1 results"
        ):
            deliverer.deliver(whole, there)


def test_what_a_destination_took_before_it_refused_is_not_sent_again(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    results = [outgoing(image(tmp_path)), outgoing(image(tmp_path, SegmentationStorage))]
    note_made(ledger, job, results)
    whole = Shipment(job, (), results, ())
    with OwnPacs(not_taken=(SegmentationStorage,)).running() as pacs:
        for _ in range(2):
            with pytest.raises(DeliveryRefused):
                deliverer.deliver(whole, [own(pacs)])
        assert pacs.received == [results[0].sop_uid]


def test_images_are_sent_once_whatever_jobs_there_are_and_only_where_they_are_wanted(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole = shipment(job, ledger, tmp_path, images=2, results=0)
    with OwnPacs().running() as pacs:
        there = [own(pacs), own(pacs, "results only", images=False)]
        for _ in range(2):
            told = deliverer.deliver(whole, there)
            assert told == "main: 2 images, 0 results, confirmed by C-FIND; results only: 0 images, 0 results"
        assert len(pacs.received) == 2


# -- the outbox -------------------------------------------------------------------------------------------------------


def test_results_that_are_made_anew_are_delivered_anew(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole = shipment(job, ledger, tmp_path)
    with OwnPacs().running() as pacs:
        deliverer.deliver(whole, [own(pacs)])
        note_made(ledger, job, whole.results)
        assert ledger.states(job.id) == []
        deliverer.deliver(whole, [own(pacs)])
        assert len(pacs.received) == 6


def test_results_of_one_study_arrive_in_the_order_in_which_they_were_made(
    database: Database, jobs: JobStore, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    first, second = (made(database, jobs, JobState.RUNNING, a_job(key=key)) for key in ("one", "two"))
    of_first, of_second = (shipment(job, ledger, tmp_path) for job in (first, second))
    elsewhere = tmp_path / "elsewhere"
    with OwnPacs().running() as pacs:
        there = [own(pacs), folder(elsewhere)]
        with pytest.raises(DeliveryUnavailable, match=f"main: job {first.id} of the same study") as waits:
            deliverer.deliver(of_second, there[:1])
        assert first.id in waits.value.advice
        assert pacs.received == []
        # The first has yet to reach the folder: at the PACS it is the turn of the second.
        with pytest.raises(DeliveryUnavailable, match="there is no folder"):
            deliverer.deliver(of_first, there)
        deliverer.deliver(of_second, there[:1])
        elsewhere.mkdir()
        with pytest.raises(DeliveryUnavailable, match=f"folder: job {first.id}"):
            deliverer.deliver(of_second, there)
        deliverer.deliver(of_first, there)
        deliverer.deliver(of_second, there)
    assert pacs.received == [one.sop_uid for whole in (of_first, of_second) for one in whole.results]


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.RUNNING])
def test_a_job_that_does_not_run_is_not_waited_for(
    state: JobState, database: Database, jobs: JobStore, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    first, second = (made(database, jobs, JobState.RUNNING, a_job(key=key)) for key in ("one", "two"))
    _, of_second = (shipment(job, ledger, tmp_path) for job in (first, second))
    (tmp_path / "there").mkdir()
    there = folder(tmp_path / "there")
    with pytest.raises(DeliveryUnavailable, match="same study"):
        deliverer.deliver(of_second, [there])
    bring(database, first, state)
    assert "confirmed" in deliverer.deliver(of_second, [there])


def test_jobs_of_other_studies_and_projects_do_not_wait(
    database: Database, jobs: JobStore, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    here = replace(a_job(key="here"), id="box-here", study_uid="1.9")
    for other in (
        replace(here, id="box-study", study_uid="1.8"),
        replace(here, id="box-project", project="heads"),
    ):
        shipment(made(database, jobs, JobState.RUNNING, other), ledger, tmp_path)
    mine = shipment(made(database, jobs, JobState.RUNNING, here), ledger, tmp_path)
    (tmp_path / "there").mkdir()
    assert "confirmed" in deliverer.deliver(mine, [folder(tmp_path / "there")])


def test_results_of_a_job_that_was_superseded_meanwhile_do_not_arrive(
    database: Database, job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    whole = shipment(job, ledger, tmp_path, images=1)
    bring(database, job, JobState.SUPERSEDED)
    with OwnPacs().running() as pacs:
        with pytest.raises(DeliveryUnavailable, match="has ended meanwhile"):
            deliverer.deliver(whole, [own(pacs)])
        assert pacs.received == [whole.images[0].sop_uid]


def test_replaced_results_are_removed_when_the_new_ones_are_confirmed(
    job: Job, ledger: Ledger, deliverer: Deliverer, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    there, old = folder(tmp_path / "there"), outgoing(image(tmp_path))
    there.send([old], list)
    whole = replace(shipment(job, ledger, tmp_path, results=1), replaced=[old])
    told = deliverer.deliver(whole, [there])
    assert told == "folder: 0 images, 1 results, 1 replaced, confirmed by reading back"
    (left,) = (tmp_path / "there").rglob("*.dcm")
    assert whole.results[0].sop_uid in left.name
    assert deliverer.deliver(whole, [there]) == "folder: 0 images, 1 results, confirmed by reading back"
