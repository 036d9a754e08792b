"""A destination that gets results under the patient's own identity: re-identified in memory, at the last moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from ror.errors import ConfigurationError
from ror.registry import WayBack
from ror.results.destinations.contract import Destination, Held, Outgoing
from ror.results.destinations.in_memory import in_memory
from ror.results.errors import DeliveryRefused
from ror.results.reidentified import NoWayBack, Uids, reidentify, uids_said

__all__ = ["NotAuthorised", "UnderOriginalIdentity"]

_SEND_AGAIN = "let the study be sent again, which keeps its way back; then retry the job"


@dataclass(frozen=True, slots=True)
class UnderOriginalIdentity:
    """Sends to `inner`, and asks it for, what others know by UIDs of research.

    Images are never sent: that PACS has them. `made` says which of some UIDs name what jobs have made, `job_id` whose
    results these are, for the record.
    """

    inner: Destination
    way_back: WayBack
    made: Callable[[Collection[str]], Collection[str]]
    job_id: str

    @property
    def name(self) -> str:
        """Of its section in ``ror.toml``."""
        return self.inner.name

    @property
    def images(self) -> bool:
        """Never."""
        return False

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        """Send all, once all of them could be re-identified."""
        with _told(), ExitStack() as stack:
            clinical: list[Outgoing] = []
            of_research: dict[str, str] = {}
            for one in objects:
                dataset = self._reidentified(one)
                path = stack.enter_context(in_memory(dataset))
                clinical.append(_outgoing(dataset, one.kind, path))
                of_research[clinical[-1].sop_uid] = one.sop_uid
            self.inner.send(clinical, lambda uid: acknowledged(of_research[uid]))

    def held(self, objects: Sequence[Outgoing]) -> Held:
        """Ask by the clinical UIDs."""
        with _told():
            of_research = {self._renamed(one).sop_uid: one.sop_uid for one in objects}
            held = self.inner.held([self._renamed(one) for one in objects])
        if held.sop_uids is None:
            return held
        found = frozenset(of_research[uid] for uid in held.sop_uids & of_research.keys())
        return Held(held.by, found, held.instead)

    def remove(self, objects: Sequence[Outgoing]) -> int | None:
        """Remove by the clinical UIDs."""
        with _told():
            return self.inner.remove([self._renamed(one) for one in objects])

    def _reidentified(self, one: Outgoing) -> Dataset:
        try:
            dataset = dcmread(one.path)
        except OSError as error:
            raise DeliveryRefused(
                f"{one.path}: {error.strerror}", "see what became of it, then retry the job"
            ) from error
        pseudonym = str(dataset.get("PatientID") or "")
        self.way_back.put_on_record(pseudonym, f"job {self.job_id} to {self.name}")
        identity = self.way_back.identity(pseudonym, one.study_uid)
        if identity is None:
            raise DeliveryRefused(f"whose study {one.study_uid} is was not kept", _SEND_AGAIN)
        said = uids_said(dataset)
        uids = Uids(self.way_back.originals(said), self.made(said), self.way_back.of_result)
        try:
            reidentify(dataset, identity, uids, foreign=one.kind == "DICOM")
        except NoWayBack as error:
            raise DeliveryRefused(
                f"{one.kind} {one.sop_uid} has no way back: {error}", _SEND_AGAIN
            ) from error
        return dataset

    def _renamed(self, one: Outgoing) -> Outgoing:
        originals = self.way_back.originals({one.study_uid, one.series_uid, one.sop_uid})
        sop_uid, series_uid, study_uid = (
            originals.get(uid) or self.way_back.of_result(uid)
            for uid in (one.sop_uid, one.series_uid, one.study_uid)
        )
        return replace(one, sop_uid=sop_uid, series_uid=series_uid, study_uid=study_uid)


@dataclass(frozen=True, slots=True)
class NotAuthorised:
    """A destination for original identities, of a project whose results may not have them."""

    name: str
    project: str

    @property
    def images(self) -> bool:
        """Never."""
        return False

    def send(self, _objects: Sequence[Outgoing], _acknowledged: Callable[[str], object]) -> None:
        """Refuse."""
        raise self._refusal()

    def held(self, _objects: Sequence[Outgoing]) -> Held:
        """Refuse: what was sent there before has other UIDs, which may not be opened any more."""
        raise self._refusal()

    def remove(self, _objects: Sequence[Outgoing]) -> int | None:
        """Nothing can be removed, for the same reason."""
        return None

    def _refusal(self) -> DeliveryRefused:
        return DeliveryRefused(
            f"results of project {self.project} may not go there under the original identity",
            f"let somebody whom [reidentify] of ror.toml names allow it (`ror project change {self.project} "
            "--original-identity`), or take the PACS off the project; then retry the job",
        )


def _outgoing(dataset: Dataset, kind: str, path: Path) -> Outgoing:
    sop_uid, series_uid, study_uid = (
        str(dataset[keyword].value) for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    )
    return Outgoing(sop_uid, series_uid, study_uid, kind, path)


@contextmanager
def _told() -> Iterator[None]:
    """A key that is lost refuses this destination, and holds up no other."""
    try:
        yield
    except ConfigurationError as error:
        raise DeliveryRefused(str(error), f"{error.advice}; then retry the job") from error
