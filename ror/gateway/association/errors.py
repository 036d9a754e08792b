"""What ends an association before it is released::

AssociationEnded
├── PeerViolation      the peer broke the protocol: abort, and log it
├── PeerGone           it closed the connection, or aborted: log it
│   └── PeerSilent     it said nothing for too long
└── Stopping           the service ends: abort
"""

from __future__ import annotations

__all__ = ["AssociationEnded", "PeerGone", "PeerSilent", "PeerViolation", "Stopping"]


class AssociationEnded(Exception):
    """The association is over, and nothing more is taken from the peer."""


class PeerViolation(AssociationEnded):
    """What the peer sent is no DICOM, or more than we have agreed to; `reason` is that of the A-ABORT (PS3.8 9.3.8).

    The text never quotes what it sent.
    """

    NOT_SPECIFIED, UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_VALUE = 0, 1, 2, 6

    def __init__(self, text: str, reason: int = INVALID_VALUE) -> None:
        super().__init__(text)
        self.reason = reason


class PeerGone(AssociationEnded):
    """There is nobody to answer any more."""


class PeerSilent(PeerGone):
    """It is there, perhaps, and says nothing."""


class Stopping(AssociationEnded):
    """The service ends."""
