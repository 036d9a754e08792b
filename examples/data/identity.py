"""A planted identity: fantasy strings for every place of a header that can name a person."""

import random
from dataclasses import dataclass, fields

__all__ = ["PlantedIdentity"]

_FIRST = (
    "QUILL",
    "BRAMBLE",
    "GOSSAMER",
    "THISTLE",
    "WILLOW",
    "MARZI",
    "PUMPER",
    "SNICKER",
    "DRIZZLE",
    "TUMBLE",
)
_SECOND = (
    "FEATHER",
    "WHISKER",
    "BUCKLE",
    "THIMBLE",
    "GROMMET",
    "SPOON",
    "NICKEL",
    "BONNET",
    "WAFFLE",
    "LANTERN",
)
_GIVEN = ("OSWIN", "ZEPHYRINE", "BARNABUSS", "QUENTILLA", "MORTIFER", "XANTHIPPA", "EGLANTUS", "FLORIZELLE")


@dataclass(frozen=True, slots=True)
class PlantedIdentity:
    """Strings that stand for one person and everybody around them; none of them belongs to anybody.

    Each string occurs nowhere else, so finding one behind the gate proves a leak. The study date is not
    among them: it is moved, not removed, and another date may come to lie on it.
    """

    family_name: str
    given_name: str
    patient_id: str
    birth_date: str
    address: str
    telephone: str
    mother_name: str
    other_id: str
    accession_number: str
    study_id: str
    referring_physician: str
    performing_physician: str
    reading_physician: str
    operator: str
    institution: str
    institution_address: str
    department: str
    station: str
    device_serial: str
    comment: str
    private_text: str
    request_text: str

    @classmethod
    def from_seed(cls, seed: int) -> "PlantedIdentity":
        """The same seed gives the same person; different seeds give different ones."""
        draw = random.Random(f"planted identity {seed}")
        # The tag makes every string unique, however few the words above.
        tag = "".join(draw.choices("BCDFGHJKLMNPQRSTVWXZ", k=5))
        return cls(
            family_name=draw.choice(_FIRST) + draw.choice(_SECOND) + tag,
            given_name=draw.choice(_GIVEN) + tag,
            patient_id=f"PID-{tag}",
            # Before X-rays were found (1895), so that no real person has it.
            birth_date=f"18{draw.randint(10, 89)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}",
            address=f"7 Nowhere Lane {tag}, Imaginopolis",
            telephone=f"TEL-{tag}",
            mother_name=f"MUMBLEWICK{tag}",
            other_id=f"OTHERID-{tag}",
            accession_number=f"ACC-{tag}",
            study_id=f"STUDY-{tag}",
            referring_physician=f"SNODGRUMBLE{tag}",
            performing_physician=f"FIZZLEWIG{tag}",
            reading_physician=f"PERIWIGGLE{tag}",
            operator=f"KNOBTURNER{tag}",
            institution=f"Hospital of Nowhere {tag}",
            institution_address=f"1 Cloud Street {tag}",
            department=f"Dept. of Daydreams {tag}",
            station=f"STATION-{tag}",
            device_serial=f"SERIAL-{tag}",
            comment=f"WHISPERNOTE{tag}",
            private_text=f"PRIVYNOTE{tag}",
            request_text=f"ASKNOTE{tag}",
        )

    @property
    def person_name(self) -> str:
        """The patient's name as PN: ``FAMILY^GIVEN``."""
        return f"{self.family_name}^{self.given_name}"

    def tokens(self) -> tuple[str, ...]:
        """Every planted string; search for them without regard to case."""
        return tuple(str(getattr(self, field.name)) for field in fields(self))
