"""A PACS of the tests' own, over real associations: it may lose what it acknowledges, index late, or tell nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,  # type: ignore[attr-defined]
    Verification,  # type: ignore[attr-defined]
)

from ror.config import PacsSettings

__all__ = ["OwnPacs"]

_PENDING, _SUCCESS = 0xFF00, 0x0000


@dataclass
class OwnPacs:
    """`received` are the SOPInstanceUIDs of all C-STORE requests, `held` what it kept, by series.

    Attributes
    ----------
    to_lose
        How many of the next objects it acknowledges and drops.
    to_hide
        How many of the next queries find nothing.
    offers_find, aborts_find
        Whether it accepts C-FIND, and whether it ends the association that asks (as an Orthanc does).
    offers_commitment
        Whether it accepts storage commitment.
    not_taken
        SOP classes that it does not accept.
    keeps, kept
        Whether it keeps whole data sets for the test to look at, and those.
    """

    to_lose: int = 0
    to_hide: int = 0
    offers_find: bool = True
    offers_commitment: bool = False
    aborts_find: bool = False
    not_taken: tuple[UID, ...] = ()
    received: list[str] = field(default_factory=list)
    held: dict[str, set[str]] = field(default_factory=dict)
    queries: int = 0
    port: int = 0
    keeps: bool = False
    kept: list[Dataset] = field(default_factory=list)

    def settings(self, **more: object) -> PacsSettings:
        """As ``ror.toml`` would name it."""
        address = {"host": "127.0.0.1", "port": self.port, "ae_title": "OWN"}
        return PacsSettings.model_validate(address | more)

    @contextmanager
    def running(self) -> Iterator[OwnPacs]:
        """It listens within the block."""
        entity = AE("OWN")
        entity.add_supported_context(Verification)
        if self.offers_find:
            entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        if self.offers_commitment:
            entity.add_supported_context(StorageCommitmentPushModel)
        for context in StoragePresentationContexts:
            if context.abstract_syntax not in self.not_taken:
                entity.add_supported_context(context.abstract_syntax)
        lock = threading.Lock()

        def store(event: evt.Event) -> int:
            with lock:
                self._take(event.dataset)
            return _SUCCESS

        def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
            if self.aborts_find:
                event.assoc.abort()
                return
            with lock:
                found = self._found(event.identifier)
            for answer in found:
                yield _PENDING, answer

        handlers = [(evt.EVT_C_STORE, store), (evt.EVT_C_FIND, find)]
        server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        assert server is not None
        self.port = server.socket.getsockname()[1]
        try:
            yield self
        finally:
            server.shutdown()

    def _take(self, dataset: Dataset) -> None:
        self.received.append(str(dataset.SOPInstanceUID))
        if self.keeps:
            self.kept.append(dataset)
        if self.to_lose:
            self.to_lose -= 1
        else:
            self.held.setdefault(str(dataset.SeriesInstanceUID), set()).add(str(dataset.SOPInstanceUID))

    def _found(self, asked: Dataset) -> list[Dataset]:
        self.queries += 1
        if self.to_hide:
            self.to_hide -= 1
            return []
        assert asked.QueryRetrieveLevel == "IMAGE"
        answers = []
        for sop_uid in sorted(self.held.get(str(asked.SeriesInstanceUID), ())):
            answer = Dataset()
            answer.QueryRetrieveLevel = "IMAGE"
            answer.StudyInstanceUID, answer.SeriesInstanceUID = (
                asked.StudyInstanceUID,
                asked.SeriesInstanceUID,
            )
            answer.SOPInstanceUID = sop_uid
            answers.append(answer)
        return answers
