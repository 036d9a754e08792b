"""Pulling from a real Orthanc: what comes, what is left out the next time, and what is told of what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

import orthanc
from orthanc import FoundStudy, OrthancServer, PeerRefused, PeerUnavailable, Query, Retrieved
from ror.config import PacsSettings
from ror.errors import ConfigurationError, NotAllowed, ServiceUnavailable
from ror.gateway import ALWAYS, Journal, Order, Outcome, Pulled, Window, follow, pull, source_of
from ror.registry import Project
from ror.stopping import Stop
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.conftest import Gateway
from tests.support.serving import eventually
from tests.support.studies import small_ct

# What is taken in, and that both databases hold it, is tested at the intake; the journal is a file.
pytestmark = [pytest.mark.orthanc]
kept_in_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"])
ALL = Query.parse("PatientID=*")


def settings_of(server: OrthancServer, **more: object) -> PacsSettings:
    peer = server.peer
    return PacsSettings(host=peer.host, port=peer.port, ae_title=peer.ae_title, **more)


def journal_of(gateway: Gateway, pacs: str = "research") -> Journal:
    return Journal(gateway.folder / "pulls", "lungs", pacs, gateway.projects.key("lungs"))


def pulled_from(
    gateway: Gateway, server: OrthancServer, query: Query = ALL, by: str = "get", limit: int = 0
) -> Pulled:
    web = f"{server.rest.url}/dicom-web"
    source = source_of("research", settings_of(server, dicomweb_url=web), by, "ROR")
    with journal_of(gateway).opened() as journal:
        return pull(Order(query, "lungs", limit=limit), source, gateway.intake, journal, gateway.completeness)


@pytest.fixture
def studies(tmp_path: Path) -> list[tuple[Path, ...]]:
    """Three studies of eight, eight and four objects."""
    return [
        small_ct(tmp_path / str(seed), seed=seed, slices=slices) for seed, slices in ((1, 8), (2, 8), (3, 4))
    ]


def sent(server: OrthancServer, studies: list[tuple[Path, ...]]) -> OrthancServer:
    for study in studies:
        orthanc.send(server.peer, study)
    return server


# -- a pull -----------------------------------------------------------------------------------------------------------


@kept_in_sqlite
@pytest.mark.parametrize("by", ["get", "dicomweb"])
def test_studies_come_in_and_are_left_out_the_next_time(
    gateway: Gateway, orthanc_web: OrthancServer, studies: list[tuple[Path, ...]], by: str
) -> None:
    sent(orthanc_web, studies)
    first = pulled_from(gateway, orthanc_web, by=by)
    assert (first.found, first.before, first.done, first.failed) == (3, 0, 3, [])
    assert first.count(Outcome.TAKEN_IN) == len(gateway.archived()) == 20
    assert first.complete
    settled = gateway.index.settle(settle_seconds=3600, now=time.time())
    assert len(settled) == 3 and all(why.startswith("all of it came from") for why in settled.values())
    second = pulled_from(gateway, orthanc_web, by=by)
    assert (second.found, second.before, second.done) == (3, 3, 0)
    assert not second.objects


@kept_in_sqlite
def test_what_is_pulled_is_what_would_have_been_sent(
    gateway: Gateway, orthanc_web: OrthancServer, studies: list[tuple[Path, ...]]
) -> None:
    pulled_from(gateway, sent(orthanc_web, studies), by="get")
    before = gateway.archived()
    (gateway.folder / "pulls" / "lungs" / "research.jsonl").unlink()
    again = pulled_from(gateway, orthanc_web, by="dicomweb")
    assert again.count(Outcome.HELD) == 20
    assert gateway.archived() == before


@kept_in_sqlite
def test_a_study_that_has_grown_at_the_pacs_comes_again(
    gateway: Gateway, orthanc_web: OrthancServer, studies: list[tuple[Path, ...]]
) -> None:
    sent(orthanc_web, [studies[0][:5]])
    assert pulled_from(gateway, orthanc_web).count(Outcome.TAKEN_IN) == 5
    sent(orthanc_web, [studies[0][5:]])
    grown = pulled_from(gateway, orthanc_web)
    assert (grown.done, grown.count(Outcome.HELD), grown.count(Outcome.TAKEN_IN)) == (1, 5, 3)


@kept_in_sqlite
def test_a_limit_takes_so_many_and_the_next_pull_takes_the_next(
    gateway: Gateway, orthanc_web: OrthancServer, studies: list[tuple[Path, ...]]
) -> None:
    sent(orthanc_web, studies)
    assert [pulled_from(gateway, orthanc_web, limit=2).done for _ in range(3)] == [2, 1, 0]
    assert len(gateway.archived()) == 20


@kept_in_sqlite
def test_only_what_matches_comes(
    gateway: Gateway, orthanc_web: OrthancServer, studies: list[tuple[Path, ...]]
) -> None:
    sent(orthanc_web, studies)
    patient = str(dcmread(studies[2][0]).PatientID)
    pulled = pulled_from(gateway, orthanc_web, Query.parse(f"PatientID='{patient}' ModalitiesInStudy=CT"))
    assert (pulled.found, len(gateway.archived())) == (1, 4)


@kept_in_sqlite
def test_what_goes_into_quarantine_has_come(
    gateway: Gateway, orthanc_web: OrthancServer, tmp_path: Path
) -> None:
    for number in range(2):
        dataset = minimal(SOPInstanceUID=f"{ROOT}.4.{number}")
        if number:
            dataset.BurnedInAnnotation = "YES"
        (tmp_path / f"{number}.dcm").write_bytes(part10(dataset))
    orthanc.send(orthanc_web.peer, sorted(tmp_path.glob("*.dcm")))
    pulled = pulled_from(gateway, orthanc_web)
    assert (pulled.done, pulled.failed) == (1, [])
    assert (pulled.count(Outcome.TAKEN_IN), pulled.count(Outcome.QUARANTINED)) == (1, 1)
    (held,) = gateway.quarantine.list()
    assert held.calling_ae == "WEBPACS"
    assert pulled_from(gateway, orthanc_web).before == 1


@kept_in_sqlite
def test_a_pacs_that_is_away_is_told_with_advice(gateway: Gateway, orthanc_web: OrthancServer) -> None:
    away = PacsSettings(host="127.0.0.1", port=1, ae_title="AWAY")
    with journal_of(gateway).opened() as journal, pytest.raises(ServiceUnavailable, match="AWAY") as told:
        pull(
            Order(ALL, "lungs"),
            source_of("away", away, "auto", "ROR"),
            gateway.intake,
            journal,
            gateway.completeness,
        )
    assert "goes on where it stopped" in told.value.advice


@kept_in_sqlite
def test_an_archive_that_is_full_ends_the_pull_and_the_next_one_goes_on(
    build: Callable[..., Gateway], orthanc_web: OrthancServer, studies: list[tuple[Path, ...]]
) -> None:
    sent(orthanc_web, studies)
    full = build(reserve_mib=10**9)
    full.projects.add(Project("lungs"))
    with pytest.raises(ServiceUnavailable, match="disk reserve reached"):
        pulled_from(full, orthanc_web)
    assert pulled_from(build(), orthanc_web).done == 3


# -- what may go wrong with a study -----------------------------------------------------------------------------------


class Faulty:
    """A source of three studies that does with each what it is told; there is no PACS that fails on demand."""

    sender = "FAULTY"

    def __init__(self, *acts: Exception | int) -> None:
        self.acts = list(acts)

    def find(self, query: Query) -> tuple[FoundStudy, ...]:
        return tuple(FoundStudy(f"{ROOT}.2.{number}", 1) for number in range(len(self.acts)))

    def fetch(self, study: FoundStudy, taker: object) -> Retrieved:
        act = self.acts[int(study.study_instance_uid.rpartition(".")[2])]
        if isinstance(act, Exception):
            raise act
        for number in range(act):
            dataset = minimal(
                StudyInstanceUID=study.study_instance_uid,
                SeriesInstanceUID=f"{study.study_instance_uid}.1",
                SOPInstanceUID=f"{study.study_instance_uid}.1.{number}",
            )
            taker.take_file(part10(dataset))  # type: ignore[attr-defined]
        return Retrieved(act, 0)


@kept_in_sqlite
def test_a_study_that_fails_is_told_and_the_others_come(gateway: Gateway) -> None:
    source = Faulty(1, PeerRefused("it says no"), 0, PeerUnavailable("it is busy"), 1)
    with journal_of(gateway).opened() as journal:
        pulled = pull(Order(ALL, "lungs"), source, gateway.intake, journal, gateway.completeness)
    assert (pulled.done, pulled.complete) == (2, True)
    assert [one.what for one in pulled.failed] == ["it says no", "1 objects did not come", "it is busy"]
    assert all(one.advice for one in pulled.failed)
    assert not any(ROOT in one.study_uid for one in pulled.failed)
    source.acts = [1] * 5
    with journal_of(gateway).opened() as journal:
        again = pull(Order(ALL, "lungs"), source, gateway.intake, journal, gateway.completeness)
    assert (again.before, again.done, again.failed) == (2, 3, [])


@kept_in_sqlite
def test_three_studies_in_succession_without_an_answer_end_the_pull(gateway: Gateway) -> None:
    source = Faulty(1, *(PeerUnavailable("gone") for _ in range(5)))
    with journal_of(gateway).opened() as journal, pytest.raises(ServiceUnavailable, match="gone"):
        pull(Order(ALL, "lungs"), source, gateway.intake, journal, gateway.completeness)
    assert len(gateway.archived()) == 1


@pytest.mark.parametrize(
    ("settings", "by", "lacks"),
    [
        ({"orthanc_url": "http://127.0.0.1:1"}, "auto", "dicomweb_url"),
        ({"dicomweb_url": "http://127.0.0.1:1"}, "get", "host, port and ae_title"),
        ({"host": "h", "port": 1, "ae_title": "A"}, "dicomweb", "dicomweb_url"),
    ],
)
def test_a_section_without_the_address_is_told(settings: dict[str, object], by: str, lacks: str) -> None:
    with pytest.raises(ConfigurationError, match=lacks):
        source_of("p", PacsSettings(**settings), by, "ROR")


# -- the journal ------------------------------------------------------------------------------------------------------


@kept_in_sqlite
def test_a_journal_names_nobody_and_has_one_writer(gateway: Gateway) -> None:
    study = FoundStudy(f"{ROOT}.2.4711", 3)
    with journal_of(gateway, "a/b").opened() as journal:
        journal.note(study)
        text = journal.file.read_text()
        with pytest.raises(NotAllowed, match="is running"), journal_of(gateway, "a/b").opened():
            pytest.fail("two must not write it")
    assert ROOT not in text
    assert gateway.folder / "pulls" in journal.file.parents
    with journal_of(gateway, "a/b").opened() as journal:
        assert journal.has(study)
        assert not journal.has(FoundStudy(study.study_instance_uid, 4))
        assert not journal.has(FoundStudy(f"{ROOT}.2.4712", 3))


@kept_in_sqlite
@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_short_by_a_crash_counts_as_not_written(gateway: Gateway, cut: int) -> None:
    one, other = FoundStudy("1.1", 3), FoundStudy("1.2", 3)
    with journal_of(gateway).opened() as journal:
        journal.note(one)
        journal.note(other)
        file = journal.file
    file.write_bytes(file.read_bytes()[:-cut])
    with journal_of(gateway).opened() as journal:
        assert journal.has(one)
        assert not journal.has(other)
        journal.note(other)
    with journal_of(gateway).opened() as journal:
        assert journal.has(other)


# -- the time window --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "22:00", "22:00-24:00", "22-6", "a:b-c:d"])
def test_a_window_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no time window"):
        Window.parse(text)


MINUTES = st.integers(0, 24 * 60 - 1)


@given(MINUTES, MINUTES, MINUTES)
def test_who_waits_for_a_window_is_in_it_then_and_was_not_before(begin: int, end: int, now: int) -> None:
    def text(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    window = Window.parse(f"{text(begin)}-{text(end)}")
    midnight = datetime(2026, 1, 5, tzinfo=UTC)
    at = midnight + timedelta(minutes=now)
    wait = window.seconds_until_open(at)
    assert 0 <= wait < 24 * 3600
    assert window.seconds_until_open(at + timedelta(seconds=wait)) == 0
    minutes = {(begin + each) % (24 * 60) for each in range((end - begin) % (24 * 60) or 24 * 60)}
    assert (wait == 0) == (now in minutes)


@kept_in_sqlite
def test_outside_of_its_window_a_pull_waits_before_it_asks(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    waited: list[str] = []

    def wait(_stop: Stop, seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr(Stop, "wait", wait)
    with journal_of(gateway).opened() as journal:
        order = Order(ALL, "lungs", Window.parse("22:00-06:00"))
        pulled = pull(
            order,
            Faulty(1),
            gateway.intake,
            journal,
            gateway.completeness,
            lambda so_far: waited.append(so_far.waiting),
            lambda: now,
        )
    assert now == datetime(2026, 1, 5, 22, tzinfo=UTC)
    assert waited[0] == "waiting for 22:00-06:00"
    assert (pulled.done, pulled.waiting) == (1, "")


# -- the change feed --------------------------------------------------------------------------------------------------


def followed(gateway: Gateway, server: OrthancServer) -> Pulled:
    with journal_of(gateway).opened() as journal:
        return follow(server.rest, "lungs", gateway.intake, journal, once=True)


def stable(server: OrthancServer, number: int) -> None:
    """Wait until so many studies that are there have become stable."""
    there = set(requests.get(f"{server.rest.url}/studies", timeout=300).json())

    def found() -> bool:
        changes = server.rest.changes(0, 10000).changes
        return len({one.orthanc_id for one in changes if one.kind == "StableStudy"} & there) >= number

    eventually(found)


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[OrthancServer]:
    """An Orthanc of its own, whose feed begins at 1."""
    with OrthancServer(tmp_path / "fed", settings={"StableAge": 1}) as server:
        yield server


@kept_in_sqlite
def test_stable_studies_come_in_once_also_after_a_restart_and_a_reset(
    gateway: Gateway, fed: OrthancServer, studies: list[tuple[Path, ...]], tmp_path: Path
) -> None:
    assert followed(gateway, fed).done == 0
    sent(fed, studies[:2])
    stable(fed, 2)
    first = followed(gateway, fed)
    assert (first.done, first.count(Outcome.TAKEN_IN), first.complete) == (2, 16, True)
    again = followed(gateway, fed)
    assert (again.done, again.objects.total()) == (0, 0)
    sent(fed, studies[2:])
    stable(fed, 3)
    assert followed(gateway, fed).count(Outcome.TAKEN_IN) == 4
    # Made anew, its feed begins at 1 again.
    with OrthancServer(tmp_path / "new", settings={"StableAge": 1}) as new:
        sent(new, studies[:1])
        stable(new, 1)
        reset = followed(gateway, new)
        assert (reset.done, reset.count(Outcome.HELD)) == (1, 8)
        assert followed(gateway, new).done == 0


@kept_in_sqlite
def test_a_study_that_cannot_be_taken_in_now_is_taken_the_next_time(
    build: Callable[..., Gateway], orthanc_web: OrthancServer, studies: list[tuple[Path, ...]]
) -> None:
    sent(orthanc_web, studies[:1])
    stable(orthanc_web, 1)
    full = build(reserve_mib=10**9)
    full.projects.add(Project("lungs"))
    with pytest.raises(ServiceUnavailable):
        followed(full, orthanc_web)
    assert followed(build(), orthanc_web).count(Outcome.TAKEN_IN) == 8


@kept_in_sqlite
def test_a_feed_that_is_away_is_told_to_who_follows_once(gateway: Gateway) -> None:
    with journal_of(gateway).opened() as journal, pytest.raises(PeerUnavailable, match="does not answer"):
        follow(orthanc.OrthancRest("http://127.0.0.1:1"), "lungs", gateway.intake, journal, once=True)


def test_a_whole_day_is_always_open() -> None:
    assert ALWAYS.seconds_until_open(datetime(2026, 1, 1, 3, tzinfo=UTC)) == 0
