"""De-identification that remembers: what came before, of the same person, is not thought about again.

Everything that `pipeline.deidentify` does to an element depends on the element's own bytes and on its `Case`: the
profile, the key, the kind of object, and what the object says about its people. So an element that comes a second time
in the same case comes out the same, and is looked up. The result is, bit for bit, that of `pipeline.deidentify`, which
takes whatever cannot be treated element by element, and says what is wrong with an object that must be refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from anonymizer.case import LATIN, Case
from anonymizer.errors import DeidentificationError
from anonymizer.finished import tallied
from anonymizer.finishing import Finisher
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.key import ProjectKey
from anonymizer.kinds import check_sop_class
from anonymizer.memory import Memory
from anonymizer.options import Option
from anonymizer.origin import ORIGIN_TAGS, SERIES, SOP_INSTANCE, Origin, check_instance
from anonymizer.pieces import NotSure, Part, Piece
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
        For `IdentifiedInstance.from_part10` and its like: objects that were read with it are treated twenty times as
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
            try:
                done = self._by_elements(instance, subject)
            except (NotSure, DeidentificationError):
                done = None  # told below, with all that there is to tell
        return done or deidentify(instance, self.profile, self.key, subject, verify=self.verify)

    def _by_elements(
        self, instance: IdentifiedInstance, subject: Subject | None
    ) -> tuple[ResearchInstance, Report] | None:
        check_sop_class(instance.sop_class_uid, self.profile.options)
        data_set = instance.data_set
        finisher, origin = self._case(instance, subject)
        before, after = finisher.finish(data_set.before), finisher.finish_rest(data_set.after)
        if self.verify and not _uids(data_set.parts).isdisjoint(before.left | after.left):
            return None
        chunks: list[Value] = [before.raw]
        done = [before, after]
        if data_set.pixels is not None:
            kept, pixels = finisher.pixels(data_set.pixels)
            done, chunks = [*done, kept], chunks + pixels
        if after.raw:
            chunks.append(after.raw)
        research = research_instance(instance, finisher.case.engine, origin, tuple(chunks))
        return research, Report(lambda: tallied(done), self._digest)

    def _case(self, instance: IdentifiedInstance, subject: Subject | None) -> tuple[Finisher, Origin]:
        """How the object is treated, by what it says of its people and kind; and whose it is."""
        data_set = instance.data_set
        speaking: list[Piece] = []
        for part in data_set.parts:
            if part.speaks:
                speaking += part.speaking
        which = (instance.sop_class_uid, instance.encoding, subject, tuple(speaking))
        finisher = self._cases.get(which)
        series, sop_instance = data_set.piece(SERIES), data_set.piece(SOP_INSTANCE)
        if finisher is not None and series in finisher.origins and sop_instance is not None:
            check_instance(sop_instance.value, finisher.case.charsets, instance.sop_instance_uid)
            return finisher, finisher.origins[series]
        said = recognised(tuple([piece.element for piece in speaking]), instance.encoding)
        charsets = charsets_of(said, LATIN)
        elements = [one.element for part in data_set.parts for one in part.pieces if one.tag in ORIGIN_TAGS]
        origin = Origin.of(elements, charsets, instance.sop_class_uid, instance.sop_instance_uid)
        if finisher is None:
            case = Case.of(said, instance.sop_class_uid, origin, self.profile, self.key, subject)
            if len(self._cases) >= _CASES:
                self._cases.clear()
            finisher = self._cases[which] = Finisher(case, instance.encoding, verify=self.verify)
        finisher.origins[series] = origin
        return finisher, origin


def _uids(parts: Iterable[Part]) -> set[str]:
    return {uid for part in parts if part.uids for uid in part.uids}
