"""What every destination of images and results can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Destination", "Held", "Outgoing"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An object to be delivered, or to be taken back: `kind` is that of a result, or ``IMAGE``."""

    sop_uid: str
    series_uid: str
    study_uid: str
    kind: str
    path: Path


@dataclass(frozen=True, slots=True)
class Held:
    """What a destination says that it holds.

    Attributes
    ----------
    by
        How it was asked; where it could not be, why.
    sop_uids
        What it holds of the objects asked for, and perhaps others; None where it could not be asked.
    instead
        Why it was not asked in a better way; empty if it was.
    """

    by: str
    sop_uids: frozenset[str] | None
    instead: str = ""


class Destination(Protocol):
    """A place where objects are delivered to. Delivering, and removing, twice is harmless.

    Every method raises `DeliveryUnavailable` where only waiting helps, and `DeliveryRefused` where it does not.
    """

    @property
    def name(self) -> str:
        """Of its section in ``ror.toml``."""

    @property
    def images(self) -> bool:
        """Whether it wants the images of the study too."""

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        """Hand objects over; `acknowledged` is called with the UID of each that was taken, also before an error."""

    def held(self, objects: Sequence[Outgoing]) -> Held:
        """Ask which of these objects it holds."""

    def remove(self, objects: Sequence[Outgoing]) -> int | None:
        """Take objects back that others replace; how many were there, or None where it can remove nothing."""
