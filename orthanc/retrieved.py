"""What a peer gives: objects, and how many of them it says it has sent."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Retrieved", "RetrievedObject"]


@dataclass(frozen=True, slots=True)
class RetrievedObject:
    """An object as it came: `data` is its data set, without file meta information."""

    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """How many objects were sent and taken, and how many were not, as the peer counts them."""

    sent: int
    failed: int
