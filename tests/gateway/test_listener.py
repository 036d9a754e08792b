"""The listener over real associations: what it accepts, and that dcmtk's words and ours mean the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts

from orthanc import Peer, PeerRefused, echo, send
from ror.config import ListenerSettings
from ror.errors import ConfigurationError
from ror.gateway import Listener
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.conftest import Gateway

VERIFICATION = "1.2.840.10008.1.1"
STORAGE = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]
SYNTAXES = [str(syntax) for syntax in AllTransferSyntaxes]
_CONTEXTS = 128  # in one association: presentation context IDs are the odd numbers of a byte (PS3.8 9.3.2.2)


@pytest.fixture
def peer(gateway: Gateway) -> Iterator[Peer]:
    """A listener on a free port, as a sender addresses it."""
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), gateway.intake)
    listener.start()
    yield Peer("ROR", "127.0.0.1", listener.port, "SCANNER")
    listener.stop()


def accepted(peer: Peer, offered: list[tuple[str, list[str]]]) -> dict[str, set[str]]:
    """The transfer syntaxes accepted of each class, over as many associations as it takes."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(offered), _CONTEXTS):
        entity = AE(ae_title="SCANNER")
        for sop_class, syntaxes in offered[start : start + _CONTEXTS]:
            entity.add_requested_context(sop_class, syntaxes)
        association = entity.associate(peer.host, peer.port, ae_title="ROR")
        assert association.is_established
        for context in association.accepted_contexts:
            found.setdefault(str(context.abstract_syntax), set()).add(str(context.transfer_syntax[0]))
        association.release()
    return found


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_every_storage_class_is_accepted(peer: Peer) -> None:
    assert len(STORAGE) > 150
    assert accepted(peer, [(sop_class, SYNTAXES) for sop_class in STORAGE]).keys() == set(STORAGE)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_every_transfer_syntax_is_accepted(peer: Peer) -> None:
    found: set[str] = set()
    for syntax in SYNTAXES:
        found |= accepted(peer, [(STORAGE[0], [syntax])]).get(STORAGE[0], set())
    assert found == set(SYNTAXES)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_it_answers_an_echo(peer: Peer) -> None:
    echo(peer)


@pytest.fixture
def slice_of(tmp_path: Path) -> Callable[..., Path]:
    """Writes one object; `number` is its SOPInstanceUID."""

    def written(number: int, **attributes: object) -> Path:
        file = tmp_path / f"{number}-{len(attributes)}.dcm"
        file.write_bytes(part10(minimal(SOPInstanceUID=f"{ROOT}.4.{number}", **attributes)))
        return file

    return written


def test_what_is_acknowledged_is_in_the_archive(
    peer: Peer, gateway: Gateway, slice_of: Callable[..., Path]
) -> None:
    assert len(send(peer, [slice_of(number) for number in range(5)]).files) == 5
    assert len(gateway.archived()) == 5


def test_one_bad_object_does_not_keep_the_others_out(
    peer: Peer, gateway: Gateway, slice_of: Callable[..., Path]
) -> None:
    with pytest.raises(PeerRefused) as refused:
        send(peer, [slice_of(1), slice_of(2, PatientID=""), slice_of(3)])
    assert [file.status for file in refused.value.report.files] == [0x0000, 0xA900, 0x0000]
    assert len(gateway.archived()) == 2


@pytest.mark.orthanc
def test_dcmtk_sends_and_is_told_what_was_refused(
    peer: Peer, gateway: Gateway, slice_of: Callable[..., Path]
) -> None:
    if not Path("/usr/bin/storescu").exists():
        pytest.skip("dcmtk is not installed (Debian package dcmtk)")
    address = ["-aet", "SCANNER", "-aec", "ROR", peer.host, str(peer.port)]
    subprocess.run(["/usr/bin/echoscu", *address], check=True)
    subprocess.run(["/usr/bin/storescu", *address, *map(str, [slice_of(1), slice_of(2)])], check=True)
    assert len(gateway.archived()) == 2
    refused = subprocess.run(
        ["/usr/bin/storescu", "-v", *address, str(slice_of(3, PatientID=""))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "DataSetDoesNotMatchSOPClass" in refused.stdout + refused.stderr
    assert len(gateway.archived()) == 2


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_port_that_is_taken_is_told(peer: Peer, gateway: Gateway) -> None:
    second = Listener(ListenerSettings(host="127.0.0.1", port=peer.port), gateway.intake)
    with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{peer.port}"):
        second.start()
    second.stop()
