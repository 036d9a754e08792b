"""Result files → PACS. The network is `orthanc.dimse`'s; here its answers become the job's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orthanc import Peer, PeerRefused, PeerUnavailable, send
from ror.results.errors import DeliveryRefused, DeliveryUnavailable

__all__ = ["Delivery", "deliver"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a PACS has acknowledged."""

    peer: Peer
    sop_instance_uids: tuple[str, ...]


def deliver(paths: Sequence[Path], peer: Peer, timeout_seconds: float = 60.0) -> Delivery:
    """Store result files at a PACS. Doing it twice is harmless: the UIDs are the same.

    Raises
    ------
    DeliveryUnavailable
        The PACS cannot be reached or cannot take anything now: deliver all of them again later.
    DeliveryRefused
        The PACS refused at least one object for good.
    """
    if not paths:
        return Delivery(peer, ())
    try:
        report = send(peer, paths, timeout_seconds=timeout_seconds)
    except PeerUnavailable as error:
        raise DeliveryUnavailable(str(error), "The engine tries again; check that the PACS is up.") from error
    except PeerRefused as error:
        raise DeliveryRefused(
            str(error), "Ask the PACS administrator to accept our AE title, SEG and Comprehensive 3D SR."
        ) from error
    return Delivery(peer, tuple(file.sop_instance_uid for file in report.stored))
