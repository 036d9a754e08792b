"""What all objects of one study and kind have in common, so that it is made once: whose they are, and what is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from anonymizer.clean import Cleaner
from anonymizer.engine import Engine, Person
from anonymizer.identity import Identity, harvest
from anonymizer.key import ProjectKey
from anonymizer.kinds import check_pixels
from anonymizer.markers import own_elements
from anonymizer.origin import Origin
from anonymizer.plan import compile_plan
from anonymizer.profile import Profile
from anonymizer.subject import Subject
from anonymizer.text import Charsets, charsets_of
from anonymizer.wire import Element

__all__ = ["LATIN", "Case"]

# Of an object that names no character set; one byte is one character, so nothing is lost.
LATIN: Final = ("latin-1",)


@dataclass(slots=True, repr=False)
class Case:
    """How objects of one study and SOP class are treated.

    Attributes
    ----------
    own
        Elements that are written whatever the object said, by tag.
    """

    engine: Engine
    identity: Identity
    charsets: Charsets
    own: Mapping[int, Element]

    @classmethod
    def of(
        cls,
        elements: tuple[Element, ...],
        sop_class_uid: str,
        origin: Origin,
        profile: Profile,
        key: ProjectKey,
        subject: Subject | None,
    ) -> Case:
        """The case of an object, from all its elements or from those of which `identity.speaks` is true.

        Raises
        ------
        BurnedInText, Unsupported
            Its pixels may have text; its character set is unknown.
        """
        charsets = charsets_of(elements, LATIN)
        check_pixels(sop_class_uid, elements)
        person = Person(
            pseudonym=subject.pseudonym if subject else key.pseudonym(origin.patient_id, origin.issuer),
            study_id=key.study_id(origin.study),
            shift_days=_shift_days(origin, profile, key, subject),
        )
        identity = harvest(elements, charsets)
        engine = Engine(compile_plan(profile, sop_class_uid), key, person, Cleaner.of(identity))
        return cls(engine, identity, charsets, own_elements(profile, person, subject))


def _shift_days(origin: Origin, profile: Profile, key: ProjectKey, subject: Subject | None) -> int:
    if subject is not None and subject.shift_days is not None:
        return subject.shift_days
    return key.shift_days(origin.patient_id, origin.issuer, weekdays=profile.weekdays)
