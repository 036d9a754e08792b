"""Objects that are begun with while they come in end as if they had come whole, or leave nothing."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from anonymizer import IdentifiedInstance, deidentify
from ror.archive import NewFile
from ror.config import ListenerSettings
from ror.gateway import Listener, Status
from ror.gateway.association.answering import Answering
from ror.gateway.association.message import Assembly, Message
from ror.gateway.association.negotiation import Context
from ror.gateway.visits import Visit
from ror.model import PseudonymScheme
from ror.registry import Project, PseudonymRule, Route, Sender
from tests.anonymizer.planted import minimal, part10
from tests.gateway.conftest import Gateway, received
from tests.gateway.raw_peer import RawPeer, command, fragment
from tests.support.serving import eventually

PIECE = 2**16
ROWS = 400  # 320 kB of pixels
FROM = Sender("SCANNER", "ROR", "127.0.0.1")


def image(number: int = 1, **attributes: object) -> Dataset:
    """An image whose pixels are worth to be begun with."""
    made = minimal(
        SOPInstanceUID=f"1.2.3.{number}",
        Rows=ROWS,
        Columns=ROWS,
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        **attributes,
    )
    made.PixelData = bytes(range(256)) * (2 * ROWS * ROWS // 256)
    made["PixelData"].VR = "OW"
    return made


@dataclass
class Association:
    """What an association does with fragments, without its network."""

    assembly: Assembly
    answering: Answering
    context: Context

    def comes(
        self, dataset: Dataset, size: int = PIECE, *, cut: int | None = None, more: bytes = b""
    ) -> Iterator[Message | None]:
        """What there is after each fragment of a C-STORE request; `cut` ends its data early, `more` follows it."""
        said = command(1, data_set=True, sop_class=CTImageStorage, uid=dataset.SOPInstanceUID)
        self.assembly.add(1, True, True, memoryview(said))
        syntax = self.context.transfer_syntax_uid
        data = bytes(received(dataset, syntax=syntax).data)[:cut] + more
        for at in range(0, len(data), size):
            yield self.assembly.add(1, False, at + size >= len(data), memoryview(data[at : at + size]))

    def whole(
        self, dataset: Dataset, size: int = PIECE, *, cut: int | None = None, more: bytes = b""
    ) -> Message:
        """The request, when all of it is there."""
        *_, message = self.comes(dataset, size, cut=cut, more=more)
        assert message is not None
        return message

    def status(self, message: Message) -> int:
        """What it is answered; then it is over."""
        answer, _promise = self.answering.answer(self.context, message)
        self.assembly.close()
        at = answer.index(b"\0\0\0\x09\2\0\0\0") + 8
        return int.from_bytes(answer[at : at + 2], "little")


@contextmanager
def association(gateway: Gateway, syntax: str = ExplicitVRLittleEndian) -> Iterator[Association]:
    context = Context(CTImageStorage, syntax)
    answering = Answering(FROM, Visit(gateway.intake), {})
    with closing(Assembly({1: context}, 2**30, gateway.folder, answering.begin)) as assembly:
        yield Association(assembly, answering, context)


def begun(gateway: Gateway) -> list[str]:
    """Files that are being written."""
    return [file.name for file in (gateway.files.root / ".incoming").glob("*.part")]


def known(gateway: Gateway) -> None:
    """The first object of a series is indexed before it is acknowledged, others behind it: let it have come."""
    assert gateway.intake.receive(received(image(999))).status is Status.SUCCESS


def whole_way(gateway: Gateway, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """What de-identification makes of an object that is there as a whole."""
    gate = gateway.projects.get("lungs").profile(), gateway.projects.key("lungs")
    return deidentify(IdentifiedInstance.from_part10(part10(dataset, syntax)), *gate)[0].to_part10()


# -- the same as whole ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first", [True, False], ids=["first of its series", "of a known series"])
@pytest.mark.parametrize("size", [5000, PIECE, 2**17])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"]
)
def test_an_object_is_filed_as_if_it_had_come_whole(
    gateway: Gateway, syntax: str, size: int, *, is_first: bool
) -> None:
    if not is_first:
        known(gateway)
    before = gateway.archived()
    with association(gateway, syntax) as peer:
        message = peer.whole(image(), size)
        assert message.ahead is not None
        assert peer.status(message) == Status.SUCCESS
    ((_path, content),) = gateway.archived().items() - before.items()
    assert content == whole_way(gateway, image(), syntax)
    assert begun(gateway) == []
    # As a resend that comes whole, it is known.
    assert gateway.intake.receive(received(image(), syntax=syntax)).held


def test_it_is_written_while_it_comes(gateway: Gateway) -> None:
    with association(gateway) as peer:
        seen = [len(begun(gateway)) for _ in peer.comes(image())]
        assert set(seen) == {1}
    assert begun(gateway) == []
    assert gateway.archived() == {}


@pytest.mark.parametrize(
    ("syntax", "size"),
    [(ExplicitVRBigEndian, PIECE), (ExplicitVRLittleEndian, 2**20)],
    ids=["big endian", "one fragment"],
)
def test_what_cannot_be_begun_with_comes_whole(gateway: Gateway, syntax: str, size: int) -> None:
    with association(gateway, syntax) as peer:
        message = peer.whole(image(), size)
        assert message.ahead is None
        assert peer.status(message) == Status.SUCCESS


def test_what_comes_behind_the_pixels_is_not_lost(gateway: Gateway) -> None:
    padded = image(DataSetTrailingPadding=bytes(1000))
    with association(gateway) as peer:
        message = peer.whole(padded)
        assert message.ahead is not None
        assert peer.status(message) == Status.SUCCESS
    assert list(gateway.archived().values()) == [whole_way(gateway, padded)]


def test_objects_in_turn_do_not_disturb_one_another(gateway: Gateway) -> None:
    sent = [image(number, InstanceNumber=number) for number in range(1, 5)]
    with association(gateway) as peer:
        for one in sent:
            assert peer.status(peer.whole(one)) == Status.SUCCESS
    assert sorted(gateway.archived().values()) == sorted(whole_way(gateway, one) for one in sent)


# -- what is not taken in leaves nothing ------------------------------------------------------------------------------


def test_an_object_that_ends_early_is_in_quarantine_and_nowhere_else(gateway: Gateway) -> None:
    with association(gateway) as peer:
        message = peer.whole(image(), cut=-2)
        assert message.ahead is not None
        assert peer.status(message) == Status.CANNOT_UNDERSTAND
    assert gateway.archived() == {}
    (held,) = gateway.quarantine.list()
    data = bytes(received(image()).data)[:-2]
    assert bytes(gateway.quarantine.read(held).data) == data


def test_what_is_behind_the_pixels_and_no_element_is_in_quarantine(gateway: Gateway) -> None:
    with association(gateway) as peer:
        assert peer.status(peer.whole(image(), more=b"more")) == Status.CANNOT_UNDERSTAND
    assert gateway.archived() == {}
    assert len(gateway.quarantine.list()) == 1


def test_an_association_that_is_lost_midway_leaves_nothing(gateway: Gateway) -> None:
    settings = ListenerSettings(host="127.0.0.1", port=0)
    listener = Listener(settings, gateway.intake)
    listener.start()
    data = bytes(received(image()).data)
    try:
        with RawPeer.associated(listener.port) as peer:
            asked = command(1, data_set=True, sop_class=CTImageStorage, uid="1.2.3.1")
            peer.send(fragment(asked, is_command=True), fragment(data[:PIECE], last=False))
            eventually(lambda: begun(gateway))
        eventually(lambda: not begun(gateway))
    finally:
        listener.stop()
    assert gateway.archived() == {}


def test_a_resend_is_held_and_one_with_other_pixels_is_not(gateway: Gateway) -> None:
    changed = image()
    changed.PixelData = changed.PixelData[::-1]
    with association(gateway) as peer:
        assert peer.status(peer.whole(image())) == Status.SUCCESS
        before = gateway.archived()
        assert peer.status(peer.whole(image())) == Status.SUCCESS
        assert peer.status(peer.whole(changed)) == Status.DUPLICATE_DIFFERS
    assert gateway.archived() == before
    (held,) = gateway.quarantine.list()
    assert bytes(gateway.quarantine.read(held).data) == received(changed).data


# -- what changes meanwhile -------------------------------------------------------------------------------------------


def test_a_profile_that_changes_while_an_object_comes_is_the_one_it_is_taken_in_by(gateway: Gateway) -> None:
    described = image(SeriesDescription="CHEST", ManufacturerModelName="MODEL")
    with association(gateway) as peer:
        message = peer.whole(described)
        assert message.ahead is not None
        project = replace(gateway.projects.get("lungs"), options=("retain-device",))
        gateway.projects.change(project)
        assert peer.status(message) == Status.SUCCESS
    (content,) = gateway.archived().values()
    assert content == whole_way(gateway, described)
    assert b"MODEL" in content


def test_what_is_withdrawn_while_it_comes_is_not_taken_in(gateway: Gateway) -> None:
    gate = gateway.projects.get("lungs").profile(), gateway.projects.key("lungs")
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(image())), *gate)
    with association(gateway) as peer:
        message = peer.whole(image())
        assert message.ahead is not None
        gateway.who.withdrawals.begin("lungs", research.patient_id, "")
        assert peer.status(message) == Status.WITHDRAWN
    assert gateway.archived() == {}
    assert gateway.quarantine.list() == []


def test_an_object_whose_route_depends_on_it_comes_whole(gateway: Gateway) -> None:
    gateway.projects.add(Project("heads"))
    gateway.routes.add(Route("SCANNER", "ROR", "heads", condition="Modality = CT"))
    with association(gateway) as peer:
        message = peer.whole(image())
        assert message.ahead is None
        assert peer.status(message) == Status.SUCCESS
    assert [path.split("/")[0] for path in gateway.archived()] == ["heads"]


def test_nobody_is_counted_before_an_object_is_whole(gateway: Gateway) -> None:
    gateway.who.rules.set(PseudonymRule("lungs", PseudonymScheme.COUNTED, "MOBA-{:04d}"))
    with association(gateway) as peer:
        message = peer.whole(image())
        assert message.ahead is None
        assert peer.status(message) == Status.SUCCESS


# -- the disk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["__init__", "write"])
def test_a_disk_that_refuses_while_an_object_comes_is_asked_again_when_it_is_whole(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    refusals = itertools.count()

    def refuse(self: NewFile, *arguments: object) -> None:
        if next(refusals) == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        really(self, *arguments)

    really = getattr(NewFile, call)
    monkeypatch.setattr(NewFile, call, refuse)
    with association(gateway) as peer:
        message = peer.whole(image())
        assert message.ahead is None
        assert peer.status(message) == Status.SUCCESS
    assert list(gateway.archived().values()) == [whole_way(gateway, image())]


def test_a_disk_that_refuses_the_last_step_leaves_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(gateway)
    before = gateway.archived()

    def refuse(_self: NewFile) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with association(gateway) as peer:
        message = peer.whole(image())
        with monkeypatch.context() as full:
            full.setattr(NewFile, "finish", refuse)
            assert peer.status(message) == Status.OUT_OF_RESOURCES
        assert gateway.archived() == before
        assert peer.status(peer.whole(image())) == Status.SUCCESS
