"""Images and results → every destination of a project, each on its own, until each says that it holds them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ror.model import Job
from ror.results.destinations import Destination, Held, Outgoing
from ror.results.errors import DeliveryRefused, DeliveryUnavailable
from ror.results.ledger import Ledger

__all__ = ["Deliverer", "Shipment"]

_log = logging.getLogger(__name__)
# A PACS may index what it has acknowledged a little later; what it has lost is sent again, ever more slowly.
_PATIENCE_SECONDS = 60.0
_LONGEST_PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Shipment:
    """What a job has to deliver: the images of its studies, its results, and the results that these replace."""

    job: Job
    images: Sequence[Outgoing]
    results: Sequence[Outgoing]
    replaced: Sequence[Outgoing]


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Brings shipments to destinations; how far each has come is in the `Ledger`, so that nothing is done twice.

    `now` gives seconds since the epoch.
    """

    ledger: Ledger
    now: Callable[[], float] = time.time

    def deliver(self, shipment: Shipment, destinations: Iterable[Destination]) -> str:
        """Bring a shipment to all destinations at once, whatever becomes of it at one; what is done, in a sentence.

        Called again after an error it goes on with what is missing.

        Raises
        ------
        DeliveryUnavailable
            Some destinations have to be waited for; those that refuse are told too.
        DeliveryRefused
            Nothing is left to wait for, but some destinations refuse.
        """
        told: list[str] = []
        waiting: list[DeliveryUnavailable] = []
        refused: list[DeliveryRefused] = []
        these = list(destinations)
        # One that is slow, with a thousand images to take, would keep the results from all behind it.
        with ThreadPoolExecutor(max(1, len(these)), "deliver") as pool:
            brought = [pool.submit(self._bring, shipment, one) for one in these]
        for destination, bringing in zip(these, brought, strict=True):
            try:
                told.append(f"{destination.name}: {bringing.result()}")
            except DeliveryUnavailable as error:
                waiting.append(error)
                told.append(f"{destination.name}: {error}")
            except DeliveryRefused as error:
                refused.append(error)
                told.append(f"{destination.name}: {error}")
        sentence = "; ".join(told) or "the project has no PACS"
        if waiting:
            raise DeliveryUnavailable(sentence, waiting[0].advice) from waiting[0]
        if refused:
            raise DeliveryRefused(sentence, refused[0].advice) from refused[0]
        return sentence

    def _bring(self, shipment: Shipment, destination: Destination) -> str:
        images = list(shipment.images) if destination.images else []
        self._send(destination, self._unsent(destination, images))
        results = self._unsent(destination, shipment.results)
        if results:
            self._await_turn(shipment.job, destination.name)
            self._send(destination, results)
        how = self._confirm(destination, [*images, *shipment.results])
        replaced = self._remove(destination, shipment.replaced)
        said = f"{len(images)} images, {len(shipment.results)} results"
        return ", ".join(part for part in (said, replaced, how) if part)

    def _unsent(self, destination: Destination, objects: Sequence[Outgoing]) -> list[Outgoing]:
        acknowledged = self.ledger.receipts(destination.name, (one.sop_uid for one in objects))
        return [one for one in objects if one.sop_uid not in acknowledged]

    def _await_turn(self, job: Job, destination: str) -> None:
        """Results of one study arrive in the order in which they were made, and none of a job that was superseded."""
        if not self.ledger.is_running(job.id):
            raise DeliveryUnavailable(f"job {job.id} has ended meanwhile", "nothing is to be done")
        if first := self.ledger.next_before(job, destination):
            raise DeliveryUnavailable(
                f"job {first} of the same study is to be delivered before", f"see `ror jobs show {first}`"
            )

    def _send(self, destination: Destination, objects: Sequence[Outgoing]) -> None:
        if not objects:
            return
        acknowledged: list[str] = []
        try:
            destination.send(objects, acknowledged.append)
        finally:
            self.ledger.note_delivered(destination.name, acknowledged, self.now())

    def _confirm(self, destination: Destination, objects: Sequence[Outgoing]) -> str:
        """See that the destination holds all objects, and send again what it has had time to show and does not."""
        open_ones = self._unconfirmed(destination, objects)
        if not open_ones:
            return self._confirmed_by(destination, objects)
        missing, held = self._ask(destination, open_ones)
        if held.sop_uids is None:
            _log.info("%s cannot be asked for what was sent to it: %s", destination.name, held.by)
            return f"sent, not confirmed ({held.by})"
        if overdue := self._overdue(destination, missing):
            _log.warning("%s lost %d objects: they are sent again", destination.name, len(overdue))
            self._send(destination, overdue)
            missing, held = self._ask(destination, missing)
        if missing:
            raise DeliveryUnavailable(
                f"acknowledged {len(objects)} objects and holds {len(objects) - len(missing)}",
                "it is asked again, and what it lacks is sent again; where a PACS never tells what it holds, "
                f'set confirm = "no" in [pacs.{destination.name}]',
            )
        said = self._confirmed_by(destination, objects)
        return f"{said} ({held.instead})" if held.instead else said

    def _unconfirmed(self, destination: Destination, objects: Sequence[Outgoing]) -> list[Outgoing]:
        receipts = self.ledger.receipts(destination.name, (one.sop_uid for one in objects))
        return [one for one in objects if receipts[one.sop_uid].confirmed_at is None]

    def _confirmed_by(self, destination: Destination, objects: Sequence[Outgoing]) -> str:
        receipts = self.ledger.receipts(destination.name, (one.sop_uid for one in objects))
        ways = sorted({receipt.confirmed_by for receipt in receipts.values() if receipt.confirmed_by})
        return f"confirmed by {' and '.join(ways)}" if ways else ""

    def _ask(self, destination: Destination, objects: list[Outgoing]) -> tuple[list[Outgoing], Held]:
        """What of these objects the destination does not hold, all where it cannot be asked; and what it has said."""
        held = destination.held(objects)
        if held.sop_uids is None:
            return objects, held
        found = [one.sop_uid for one in objects if one.sop_uid in held.sop_uids]
        self.ledger.note_confirmed(destination.name, found, held.by, self.now())
        return [one for one in objects if one.sop_uid not in held.sop_uids], held

    def _overdue(self, destination: Destination, missing: Sequence[Outgoing]) -> list[Outgoing]:
        receipts = self.ledger.receipts(destination.name, (one.sop_uid for one in missing))
        now = self.now()
        return [
            one
            for one in missing
            if now - receipts[one.sop_uid].delivered_at >= _patience(receipts[one.sop_uid].times_sent)
        ]

    def _remove(self, destination: Destination, replaced: Sequence[Outgoing]) -> str:
        removed = destination.remove(replaced) if replaced else None
        if removed is None:
            return ""
        self.ledger.forget_delivered(destination.name, [one.sop_uid for one in replaced])
        return f"{removed} replaced" if removed else ""


def _patience(times_sent: int) -> float:
    """How long an object may be missing after it was acknowledged for so many times."""
    return float(min(_PATIENCE_SECONDS * 2 ** min(times_sent - 1, 10), _LONGEST_PATIENCE_SECONDS))
