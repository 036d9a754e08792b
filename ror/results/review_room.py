"""Where reviewers look at results before they are delivered: the ``--review-pacs`` of their project."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ror.archive import Index, OwnSeries
from ror.config import PacsSettings
from ror.errors import ConfigurationError, ServiceUnavailable
from ror.model import Job
from ror.registry import Project
from ror.results.deliver import Deliverer, Shipment
from ror.results.destinations import Archive, Destination, Outgoing, destinations_of
from ror.results.finished import FinishedRun
from ror.results.ledger import Ledger
from ror.results.review_copies import UNREVIEWED, copies_of, write_copies

__all__ = ["ReviewRoom"]


class ReviewRoom:
    """Brings copies of results there, and takes them back; `pacs` gives the PACS as they are set now."""

    def __init__(
        self,
        index: Index,
        archive: Path,
        ledger: Ledger,
        pacs: Callable[[], Mapping[str, PacsSettings]],
        our_ae_title: str,
        own: OwnSeries,
    ) -> None:
        self._index = index
        self._archive = archive
        self._ledger = ledger
        self._pacs = pacs
        self._our_ae_title = our_ae_title
        self._own = own

    def show(self, run: FinishedRun, project: Project, replaced_jobs: Sequence[str]) -> str:
        """Bring images and results, marked as unreviewed, to the reviewers; says where they are.

        Raises
        ------
        DeliveryUnavailable, DeliveryRefused
            As in `Deliverer.deliver`.
        """
        if (destination := self._destination(project, run.job)) is None:
            return "waits for review"
        shipment = Shipment(
            run.job,
            self._images(run.job) if destination.images else (),
            write_copies(self._ledger.made([run.job.id]), run.folder),
            copies_of(self._ledger.made(replaced_jobs), Path()),
        )
        return f"waits for review; {Deliverer(self._ledger).deliver(shipment, [destination])}"

    def take_back(self, job: Job, project: Project) -> str:
        """Remove what was shown of a job; what became of it, in a sentence, empty if nothing was.

        Raises
        ------
        DeliveryUnavailable
            It cannot be removed now.
        """
        if (destination := self._destination(project, job)) is None:
            return ""
        copies = copies_of(self._ledger.made([job.id]), Path())
        shown = self._ledger.receipts(destination.name, (copy.sop_uid for copy in copies))
        copies = [copy for copy in copies if copy.sop_uid in shown]
        if not copies:
            return ""
        removed = destination.remove(copies)
        if removed is None:
            return f"{destination.name} keeps {len(copies)} objects that are marked {UNREVIEWED}"
        self._ledger.forget_delivered(destination.name, [copy.sop_uid for copy in copies])
        return f"{removed} objects removed from {destination.name}"

    def _destination(self, project: Project, job: Job) -> Destination | None:
        if not project.review_pacs:
            return None
        try:
            known = self._pacs()
        except ConfigurationError as error:  # somebody writes it now: this job is not at fault
            raise ServiceUnavailable(str(error), f"it is read again; {error.advice}") from error
        if project.review_pacs in known and known[project.review_pacs].identity == "original":
            raise ConfigurationError(
                f"[pacs.{project.review_pacs}] takes objects under the original identity, and reviewers see others",
                advice=f"ror project change {project.name} --review-pacs ANOTHER; then retry the job",
            )

        def here(name: str) -> Destination:
            return Archive(name, self._own, project.name, job.id)

        (destination,) = destinations_of((project.review_pacs,), known, self._our_ae_title, here)
        return destination

    def _images(self, job: Job) -> list[Outgoing]:
        """The images that the job worked on; a radiologist reads results beside them."""
        return [
            Outgoing(one.sop_uid, series.series_uid, series.study_uid, "IMAGE", self._archive / one.path)
            for series in {one.series_uid: one for one in job.series}.values()
            for one in self._index.instances(series.series_uid)
        ]
