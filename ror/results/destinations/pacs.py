"""A PACS as a destination: by C-STORE or by STOW-RS, asked afterwards, and tidied where it is an Orthanc."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orthanc import NotSendable, OrthancRest, PeerError, PeerRefused, PeerUnavailable, SendReport
from ror.results.destinations.asking import Asking
from ror.results.destinations.contract import Held, Outgoing
from ror.results.errors import DeliveryRefused, DeliveryUnavailable

__all__ = ["Pacs"]

_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"  # not in pydicom 3.0
_ACCEPT = "ask its administrator to accept us, and the classes of results that we send"
_BINARY = 'set encoding = "binary" for the masks of the workflow, which every PACS with segmentations knows'


@dataclass(frozen=True, slots=True)
class Pacs:
    """`store` sends files as `orthanc.send` does, in whole or not at all where that is said and can be known before.

    `rest` is None where nothing can be removed.
    """

    name: str
    images: bool
    store: Callable[[Sequence[Path], bool], SendReport]
    asking: Asking
    rest: Callable[[], OrthancRest] | None

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        """Store objects; results in whole, for a report without its segmentation helps nobody."""
        in_whole = any(one.kind != "IMAGE" for one in objects)
        try:
            with _told(_ACCEPT):
                report = self.store([one.path for one in objects], in_whole)
        except (DeliveryUnavailable, DeliveryRefused) as error:
            if isinstance(error.__cause__, PeerError):
                for file in error.__cause__.report.stored:
                    acknowledged(file.sop_instance_uid)
            raise
        for file in report.stored:
            acknowledged(file.sop_instance_uid)

    def held(self, objects: Sequence[Outgoing]) -> Held:
        """Ask for the objects, or all series that they are in."""
        with _told('let it answer queries of ours, or set another "confirm"'):
            return self.asking(objects)

    def remove(self, objects: Sequence[Outgoing]) -> int | None:
        """C-STORE and STOW-RS cannot delete; an Orthanc can through its REST API."""
        if self.rest is None:
            return None
        try:
            with self.rest() as rest:
                return sum(rest.delete_instance(one.sop_uid) for one in objects)
        except PeerError as error:  # the new results are there: the job does not fail for the old ones
            raise DeliveryUnavailable(
                f"what is to go cannot be removed: {error}",
                "it is tried again; check orthanc_url, orthanc_user and orthanc_password in ror.toml",
            ) from error


@contextmanager
def _told(advice: str) -> Iterator[None]:
    """A peer's errors as those of deliveries."""
    try:
        yield
    except PeerUnavailable as error:
        raise DeliveryUnavailable(str(error), "it is tried again; check that it is up") from error
    except PeerRefused as error:
        if any(file.sop_class_uid == _LABEL_MAP for file in error.report.refused):
            advice = f"{_BINARY}, or {advice}"
        raise DeliveryRefused(str(error), f"{advice}; then retry the job") from error
    except NotSendable as error:
        raise DeliveryRefused(str(error), "see what became of the file; then retry the job") from error
