"""Our own archive as a destination: results lie beside their images, as series that no workflow sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ror.archive import DifferentContent, OwnSeries
from ror.results.destinations.contract import Held, Outgoing
from ror.results.errors import DeliveryRefused, DeliveryUnavailable

__all__ = ["Archive"]


@dataclass(frozen=True, slots=True)
class Archive:
    """Results of one job of a project; its images are there already."""

    name: str
    own: OwnSeries
    project: str
    job_id: str

    @property
    def images(self) -> bool:
        """Never."""
        return False

    def send(self, objects: Sequence[Outgoing], acknowledged: Callable[[str], object]) -> None:
        """File results, in place of those of the same UIDs."""
        with _told():
            for one in objects:
                if not one.path.is_file():
                    raise DeliveryRefused(
                        f"{one.path} is not there", "see what became of it, then retry the job"
                    )
                self.own.file(self.project, self.job_id, one.path)
                acknowledged(one.sop_uid)

    def held(self, objects: Sequence[Outgoing]) -> Held:
        """Read the index, and the files, back."""
        with _told():
            return Held("reading back", self.own.held(one.sop_uid for one in objects))

    def remove(self, objects: Sequence[Outgoing]) -> int:
        """Remove results that others replace."""
        with _told():
            return self.own.remove([one.sop_uid for one in objects])


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DifferentContent as error:
        raise DeliveryRefused(
            f"the archive takes no such result: {error}",
            "let the program give its objects series of their own in the study of its images; then retry the job",
        ) from error
    except OSError as error:
        raise DeliveryUnavailable(
            f"the archive cannot be written: {error.strerror or type(error).__name__}",
            "it goes on by itself: make room, or let the user of ror write there",
        ) from error
