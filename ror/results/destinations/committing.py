"""Storage commitment as a way of asking a PACS: the result may come at once, or later to a listener of ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from orthanc import NotSendable, Peer, PeerRefused, PeerUnavailable, echo, request_commitment, sop_class_of
from ror.registry import CommitmentStore
from ror.results.destinations.contract import Outgoing
from ror.results.errors import DeliveryUnavailable

__all__ = ["Committing"]

_AT_ONCE_SECONDS: Final = 5.0  # for the result to come on the association of the request
_PATIENCE_SECONDS: Final = 60.0
_LONG_PATIENCE_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Committing:
    """Asks one PACS; `must` where it is not to be asked in another way. `now` gives seconds since the epoch."""

    destination: str
    peer: Peer
    store: CommitmentStore
    must: bool
    now: Callable[[], float] = time.time

    def __call__(self, objects: Sequence[Outgoing]) -> frozenset[str]:
        """Which of these objects the PACS keeps for good.

        Raises
        ------
        DeliveryUnavailable
            It is to tell yet: ask again.
        PeerUnavailable, PeerRefused
            It cannot be asked; without `must` it is refused also where no result has come in a minute.
        """
        uids = [one.sop_uid for one in objects]
        asked = self.store.asked(self.destination, uids)
        if asked is not None and asked.kept is not None:
            self.store.close(asked.transaction_uid)
            return frozenset(uid for uid in uids if asked.keeps(uid))
        if asked is None or self.now() - asked.asked_at > _LONG_PATIENCE_SECONDS:
            return self._ask(objects)
        if not self.must and self.now() - asked.asked_at > _PATIENCE_SECONDS:
            raise PeerRefused(f"{self.peer} has told no result in {_PATIENCE_SECONDS:g} s")
        raise self._not_yet()

    def _ask(self, objects: Sequence[Outgoing]) -> frozenset[str]:
        instances = {one.sop_uid: _sop_class(one) for one in objects}
        asked = self.store.ask(self.destination, list(instances), self.now())
        try:
            result = request_commitment(self.peer, instances, asked.transaction_uid, _AT_ONCE_SECONDS)
        except PeerUnavailable:
            self.store.close(asked.transaction_uid)
            if self.must:
                raise
            echo(self.peer)  # it is there, and ends the association that asks
            raise PeerRefused(f"{self.peer} answers C-ECHO, but no storage commitment") from None
        except PeerRefused:
            self.store.close(asked.transaction_uid)
            raise
        if result is None:
            raise self._not_yet()
        self.store.close(asked.transaction_uid)
        return result.committed

    def _not_yet(self) -> DeliveryUnavailable:
        return DeliveryUnavailable(
            "it was asked for storage commitment and has not told the result",
            "it is waited for; let the PACS know our AE title, host and port, so that it can tell",
        )


def _sop_class(one: Outgoing) -> str:
    try:
        return sop_class_of(one.path)
    except NotSendable as error:
        raise PeerRefused(f"{one.sop_uid} is not there any more to be asked for") from error
