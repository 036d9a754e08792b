"""De-identification that remembers: what came before, of the same person, is not thought about again.

Everything that `pipeline.deidentify` does to an element depends on the element's own bytes and on its `Case`: the
profile, the key, the kind of object, and what the object says about its people. So an element that comes a second time
in the same case comes out the same, and is looked up. The result is, bit for bit, that of `pipeline.deidentify`, which
takes whatever cannot be treated element by element, and says what is wrong with an object that must be refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import suppress

from anonymizer.case import LATIN, Case
from anonymizer.errors import DeidentificationError
from anonymizer.finishing import Finished, Finisher, tallied
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.key import ProjectKey
from anonymizer.kinds import check_sop_class
from anonymizer.options import Option
from anonymizer.origin import ORIGIN_TAGS, Origin
from anonymizer.pieces import Memory, NotSure, Piece
from anonymizer.pipeline import deidentify, research_instance
from anonymizer.profile import Profile
from anonymizer.report import Report
from anonymizer.stored import Value
from anonymizer.subject import Subject
from anonymizer.text import charsets_of
from anonymizer.unknown import recognised

__all__ = ["Deidentifier"]

# Each remembers a few megabytes; a sender seldom has more studies in hand.
_CASES = 4


class Deidentifier:
    """De-identifies many objects by one profile and key; for one thread at a time.

    Parameters
    ----------
    verify
        Whether each finished object is searched for what it said about its people.

    Attributes
    ----------
    memory
        For `IdentifiedInstance.from_part10` and its like: objects that were read with it are treated fifteen times as
        fast. It holds identified values, with the rest of this object some 30 MiB of them at most.
    """

    def __init__(self, profile: Profile, key: ProjectKey, *, verify: bool = True) -> None:
        self.profile = profile
        self.key = key
        self.verify = verify
        self.memory = Memory()
        self._digest = profile.digest
        self._cases: dict[Hashable, Finisher] = {}

    def deidentify(
        self, instance: IdentifiedInstance, subject: Subject | None = None
    ) -> tuple[ResearchInstance, Report]:
        """De-identify one object; parameters, result and errors are those of `anonymizer.deidentify`."""
        done = None
        # Where pixels are cleaned the object is changed before anything else is.
        if instance.data_set.is_plain and not self.profile.has(Option.CLEAN_PIXEL_DATA):
            with suppress(NotSure, DeidentificationError):  # told below, with all that there is to tell
                done = self._by_elements(instance, subject)
        return done or deidentify(instance, self.profile, self.key, subject, verify=self.verify)

    def _by_elements(
        self, instance: IdentifiedInstance, subject: Subject | None
    ) -> tuple[ResearchInstance, Report] | None:
        check_sop_class(instance.sop_class_uid, self.profile.options)
        data_set = instance.data_set
        finisher, origin = self._case(instance, subject)
        before, after = finisher.finish(data_set.before), finisher.finish(data_set.after)
        done = before + after
        if self.verify and not _uids(data_set.pieces).isdisjoint(_left(done)):
            return None
        chunks: list[Value] = [finisher.joined(data_set.before, before)]
        if data_set.pixels is not None:
            kept, pixels = finisher.pixels(data_set.pixels)
            done, chunks = [*done, kept], chunks + pixels
        chunks += [one.raw for one in after]
        research = research_instance(instance, finisher.case.engine, origin, tuple(chunks))
        return research, Report(lambda: tallied(done), self._digest)

    def _case(self, instance: IdentifiedInstance, subject: Subject | None) -> tuple[Finisher, Origin]:
        pieces = instance.data_set.pieces
        speaking = tuple([piece for piece in pieces if piece.speaks])
        elements = [piece.element for piece in pieces if piece.tag in ORIGIN_TAGS]
        which = (instance.sop_class_uid, instance.encoding, subject, speaking)
        finisher = self._cases.get(which)
        if finisher is not None:
            charsets = finisher.case.charsets
            return finisher, Origin.of(elements, charsets, instance.sop_class_uid, instance.sop_instance_uid)
        said = recognised(tuple(piece.element for piece in speaking), instance.encoding)
        origin = Origin.of(
            elements, charsets_of(said, LATIN), instance.sop_class_uid, instance.sop_instance_uid
        )
        case = Case.of(said, instance.sop_class_uid, origin, self.profile, self.key, subject)
        if len(self._cases) >= _CASES:
            self._cases.clear()
        finisher = self._cases[which] = Finisher(case, instance.encoding, verify=self.verify)
        return finisher, origin


def _uids(pieces: Iterable[Piece]) -> set[str]:
    return {uid for piece in pieces if piece.uids for uid in piece.uids}


def _left(done: Iterable[Finished]) -> set[str]:
    return {uid for one in done if one.left for uid in one.left}
