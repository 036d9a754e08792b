"""What an association asks of services other than storage (DIMSE-N, PS3.7 10), and what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pydicom import Dataset

from ror.registry import Sender

__all__ = ["Promise", "Report", "Service", "ServiceAnswer", "ServiceRequest"]


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One DIMSE-N request: who asks for what; `operation` is its command field, identified is the rest."""

    sender: Sender
    operation: int
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    data: bytes = field(repr=False)
    action_type: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What an N-EVENT-REPORT says."""

    sop_class_uid: str
    sop_instance_uid: str
    event_type: int
    data_set: Dataset = field(repr=False)


class Promise(Protocol):
    """Something that the peer is still to be told by an N-EVENT-REPORT; in the end one of the last two is called."""

    def report(self) -> Report | None:
        """What it is told, as things stand now; None if that cannot be found out yet."""

    def told(self, status: int) -> None:
        """The peer has answered so."""

    def untold(self) -> None:
        """The association is over, or the peer takes no report on it."""


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What the peer is told at once; `sop_instance_uid` is that of an instance for which it has left the UID to us."""

    status: int
    comment: str = ""
    error_id: int | None = None
    sop_instance_uid: str = field(default="", repr=False)
    promise: Promise | None = None


class Service(Protocol):
    """A service class as its provider (SCP)."""

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """Do what is asked; errors are statuses."""
