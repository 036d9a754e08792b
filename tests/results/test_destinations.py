"""One suite over every kind of destination: what is sent is held as it was, until it is removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydicom import dcmread
from pydicom.uid import UID, SegmentationStorage

from orthanc import OrthancServer, ServerNotInstalled, free_port
from ror.config import PacsSettings
from ror.errors import ConfigurationError
from ror.results import (
    DeliveryRefused,
    DeliveryUnavailable,
    Destination,
    Outgoing,
    destination_of,
    destinations_of,
)
from tests.orthanc.test_orthanc_pacs import image
from tests.orthanc.test_orthanc_storing import scripted
from tests.results.own_pacs import OwnPacs


def outgoing(path: Path) -> Outgoing:
    dataset = dcmread(path)
    uids = dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID
    return Outgoing(*map(str, uids), "IMAGE", path)


def settings(**keys: object) -> PacsSettings:
    return PacsSettings.model_validate(keys)


@dataclass(frozen=True)
class Place:
    """A destination, how it is asked, and what it holds under a UID."""

    settings: PacsSettings
    by: str
    content: Callable[[Outgoing], bytes | None]

    @property
    def destination(self) -> Destination:
        return destination_of("main", self.settings, "ROR")


@pytest.fixture(
    params=[
        pytest.param("C-STORE", marks=pytest.mark.orthanc),
        pytest.param("STOW-RS", marks=pytest.mark.orthanc),
        "folder",
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        (tmp_path / "mounted").mkdir()

        def content(one: Outgoing) -> bytes | None:
            file = tmp_path / "mounted" / one.study_uid / one.series_uid / f"IMAGE-{one.sop_uid}.dcm"
            return file.read_bytes() if file.exists() else None

        return Place(settings(folder=str(tmp_path / "mounted")), "reading back", content)
    server: OrthancServer = request.getfixturevalue("orthanc_web")
    url = server.rest.url
    if request.param == "STOW-RS":
        address: dict[str, object] = {"dicomweb_url": f"{url}/dicom-web"}
    else:
        address = {"host": server.peer.host, "port": server.peer.port, "ae_title": server.peer.ae_title}
    by = "QIDO-RS" if request.param == "STOW-RS" else "C-FIND"
    return Place(settings(orthanc_url=url, **address), by, lambda one: server.rest.file(one.sop_uid))


def test_what_is_sent_is_acknowledged_and_held_as_it_was(place: Place, tmp_path: Path) -> None:
    sent = [outgoing(image(tmp_path, patient=patient)) for patient in ("ONE", "ONE", "TWO")]
    not_sent = outgoing(image(tmp_path, patient="ONE"))
    acknowledged: list[str] = []
    for _ in range(2):  # once more is harmless
        place.destination.send(sent, acknowledged.append)
    assert acknowledged == [one.sop_uid for one in sent] * 2
    held = place.destination.held([*sent, not_sent])
    assert (held.by, held.sop_uids) == (place.by, {one.sop_uid for one in sent})
    # An archive may write file meta information of its own.
    assert [dcmread(BytesIO(place.content(one) or b"")) for one in sent] == [
        dcmread(one.path) for one in sent
    ]


def test_what_is_removed_is_held_no_more_and_nothing_else(place: Place, tmp_path: Path) -> None:
    one, other = (outgoing(image(tmp_path)) for _ in range(2))
    place.destination.send([one, other], list)
    assert [place.destination.remove([one]) for _ in range(2)] == [1, 0]
    assert place.destination.held([one, other]).sop_uids == {other.sop_uid}
    assert place.content(one) is None


def test_a_destination_that_is_not_to_be_asked_is_not(place: Place, tmp_path: Path) -> None:
    silent = destination_of("main", place.settings.model_copy(update={"confirm": "no"}), "ROR")
    one = outgoing(image(tmp_path))
    silent.send([one], list)
    assert silent.held([one]).sop_uids is None


@pytest.mark.parametrize("kind", ["C-STORE", "STOW-RS", "folder"])
def test_a_destination_that_is_down_is_tried_later(kind: str, tmp_path: Path) -> None:
    port = free_port()
    down = {
        "C-STORE": settings(host="127.0.0.1", port=port, ae_title="DOWN"),
        "STOW-RS": settings(dicomweb_url=f"http://127.0.0.1:{port}"),
        "folder": settings(folder=str(tmp_path / "not-mounted")),
    }[kind]
    one = outgoing(image(tmp_path))
    destination, acknowledged = destination_of("main", down, "ROR"), list[str]()
    with pytest.raises(DeliveryUnavailable) as later:
        destination.send([one], acknowledged.append)
    assert later.value.advice
    with pytest.raises(DeliveryUnavailable):
        destination.held([one])
    assert acknowledged == []


@pytest.mark.parametrize("kind", ["C-STORE", "folder"])
def test_a_file_that_is_gone_is_not_waited_for(kind: str, tmp_path: Path) -> None:
    there, gone = (outgoing(image(tmp_path)) for _ in range(2))
    gone.path.unlink()
    (tmp_path / "mounted").mkdir()
    with OwnPacs().running() as pacs:
        to = pacs.settings() if kind == "C-STORE" else settings(folder=str(tmp_path / "mounted"))
        with pytest.raises(DeliveryRefused, match=gone.sop_uid):
            destination_of("main", to, "ROR").send([there, gone], list)


def test_a_file_that_is_no_dicom_is_refused_by_name(tmp_path: Path) -> None:
    junk = Outgoing("1", "2", "3", "SEG", tmp_path / "junk.dcm")
    junk.path.write_bytes(b"no DICOM")
    with OwnPacs().running() as pacs, pytest.raises(DeliveryRefused, match=r"junk\.dcm"):
        destination_of("main", pacs.settings(), "ROR").send([junk], list)


def test_a_pacs_that_knows_no_segmentation_is_named_with_the_class_and_takes_the_rest(tmp_path: Path) -> None:
    ct, seg = outgoing(image(tmp_path)), outgoing(image(tmp_path, SegmentationStorage))
    acknowledged: list[str] = []
    told = "Segmentation Storage: it accepts no presentation context"
    with (
        OwnPacs(not_taken=(SegmentationStorage,)).running() as pacs,
        pytest.raises(DeliveryRefused, match=told),
    ):
        destination_of("main", pacs.settings(), "ROR").send([seg, ct], acknowledged.append)
    assert acknowledged == [ct.sop_uid]


@pytest.mark.parametrize(
    ("refused", "advises_binary"), [(SegmentationStorage, False), (UID("1.2.840.10008.5.1.4.1.1.66.7"), True)]
)
def test_results_go_to_a_pacs_with_all_their_classes_or_not_at_all(
    tmp_path: Path, refused: UID, advises_binary: bool
) -> None:
    """Unlike images, which say nothing of each other."""
    report = replace(outgoing(image(tmp_path)), kind="SR")
    mask = replace(outgoing(image(tmp_path, refused)), kind="SEG")
    acknowledged: list[str] = []
    with (
        OwnPacs(not_taken=(refused,)).running() as pacs,
        pytest.raises(DeliveryRefused, match=r"refused 1 of 2 files: .*none was sent") as told,
    ):
        destination_of("main", pacs.settings(), "ROR").send([report, mask], acknowledged.append)
    assert (acknowledged, pacs.received) == ([], [])
    assert ('encoding = "binary"' in told.value.advice) == advises_binary


@pytest.mark.parametrize("aborts", [False, True])
def test_a_pacs_that_answers_no_query_cannot_be_asked_unless_it_has_to(aborts: bool, tmp_path: Path) -> None:
    with OwnPacs(offers_find=aborts, aborts_find=aborts).running() as pacs:
        one = outgoing(image(tmp_path))
        held = destination_of("main", pacs.settings(), "ROR").held([one])
        assert held.sop_uids is None
        assert "C-FIND" in held.by or "presentation contexts" in held.by
        error = DeliveryUnavailable if aborts else DeliveryRefused
        with pytest.raises(error):
            destination_of("main", pacs.settings(confirm="find"), "ROR").held([one])


@pytest.mark.orthanc
def test_an_orthanc_that_may_not_be_asked_is_sent_to_all_the_same(tmp_path: Path) -> None:
    try:
        OrthancServer.program()
    except ServerNotInstalled as error:
        pytest.skip(str(error))
    one, acknowledged = outgoing(image(tmp_path)), list[str]()
    with OrthancServer(tmp_path / "orthanc", settings={"DicomAlwaysAllowFind": False}) as server:
        to = settings(host=server.peer.host, port=server.peer.port, ae_title=server.peer.ae_title)
        destination = destination_of("main", to, "ROR")
        destination.send([one], acknowledged.append)
        held = destination.held([one])
    assert acknowledged == [one.sop_uid]
    assert held.sop_uids is None
    assert "answers C-ECHO, but no C-FIND" in held.by


def test_where_dicomweb_is_refused_c_find_is_asked(tmp_path: Path) -> None:
    one = outgoing(image(tmp_path))
    # A server that knows POST only answers QIDO-RS with 501.
    with OwnPacs().running() as pacs, scripted(lambda _: (200, {})) as web:
        both = pacs.settings(dicomweb_url=web.url)
        destination = destination_of("main", both, "ROR")
        destination.send([one], list)
        held = destination.held([one])
        assert (held.by, held.sop_uids) == ("C-FIND", {one.sop_uid})
        with pytest.raises(DeliveryRefused, match="answers 501"):
            destination_of("main", both.model_copy(update={"confirm": "qido"}), "ROR").held([one])


def test_a_folder_holds_nothing_that_was_changed_there(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    destination = destination_of("main", settings(folder=str(tmp_path / "mounted")), "ROR")
    one = outgoing(image(tmp_path))
    destination.send([one], list)
    (file,) = (tmp_path / "mounted").rglob("*.dcm")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")
    assert destination.held([one]).sop_uids == frozenset()
    destination.send([one], list)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_is_tried_later(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    one = outgoing(image(tmp_path))
    (tmp_path / "mounted" / one.study_uid).write_text("a file where a folder should be")
    destination = destination_of("main", settings(folder=str(tmp_path / "mounted")), "ROR")
    with pytest.raises(DeliveryUnavailable, match=one.study_uid):
        destination.send([one], list)


def test_sections_that_are_missing_or_say_no_address_are_all_told() -> None:
    known = {"rest": settings(orthanc_url="http://127.0.0.1:8042"), "folder": settings(folder="/mnt")}
    with pytest.raises(ConfigurationError, match=r"no section \[pacs\.a\], \[pacs\.b\]"):
        destinations_of(["a", "folder", "b"], known, "ROR")
    with pytest.raises(
        ConfigurationError, match=r"\[pacs\.rest\] of ror\.toml says no host, dicomweb_url or"
    ):
        destinations_of(["folder", "rest"], known, "ROR")
    assert [one.name for one in destinations_of(["folder"], known, "ROR")] == ["folder"]


def test_the_archive_is_a_destination_without_an_address(tmp_path: Path) -> None:
    for more in ({"host": "127.0.0.1", "port": 104, "ae_title": "P"}, {"dicomweb_url": "http://127.0.0.1:1"}):
        with pytest.raises(ValidationError, match="has no address"):
            settings(archive=True, **more)
    with pytest.raises(ValidationError, match="is not beside a folder"):
        settings(archive=True, folder=str(tmp_path))
    with pytest.raises(ValidationError, match="never written to a disk"):
        settings(archive=True, identity="original")
    known = {"here": settings(archive=True), "folder": settings(folder=str(tmp_path))}
    made = destinations_of(
        ["folder", "here"], known, "ROR", lambda name: destination_of(name, known["folder"], "R")
    )
    assert [one.name for one in made] == ["folder", "here"]
    with pytest.raises(ConfigurationError, match=r"\[pacs\.here\]"):  # where nobody could make it
        destinations_of(["here"], known, "ROR")
