"""What the status of a C-FIND, C-GET or C-MOVE response means to us (PS3.4 C.4)."""

from __future__ import annotations

from pydicom import Dataset

from orthanc.dimse.association import Peer
from orthanc.errors import PeerRefused, PeerUnavailable

__all__ = ["SUCCESS", "failure", "number_of"]

SUCCESS = 0x0000
_LATER = (*range(0xA700, 0xA800), 0x0110, 0xFE00)
_UNKNOWN_DESTINATION = 0xA801


def number_of(peer: Peer, status: Dataset) -> int:
    """The status; `PeerUnavailable` where there came none."""
    if "Status" not in status:
        raise PeerUnavailable(f"{peer} ended the association, or did not answer in time")
    return int(status.Status)


def failure(peer: Peer, what: str, status: int) -> PeerUnavailable | PeerRefused:
    """The error that a status is."""
    if status == _UNKNOWN_DESTINATION:
        return PeerRefused(
            f"{peer} does not know the AE title that it should send to: let it be set up there"
        )
    told = f"{peer} answers the {what} with status 0x{status:04X}"
    return PeerUnavailable(told) if status in _LATER else PeerRefused(told)
