"""The corpus of one seed: four patients, their studies, and an object of every kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from anonymizer import ProjectKey
from benchmarks.phi import documents, images, screens
from benchmarks.phi.common import Study
from benchmarks.phi.implant import Planted
from benchmarks.phi.person import Draw

__all__ = ["KEY", "KINDS", "corpus", "drawn_screens"]

KEY: Final = ProjectKey(b"the key that the corpus is made and treated with")
_SCRIPTS: Final = ("latin", "kanji", "cyrillic", "greek", "hangul")
Kind: TypeAlias = Callable[[Study, str, str], Planted]
_EXPLICIT, _IMPLICIT = ExplicitVRLittleEndian, ImplicitVRLittleEndian
# Name, how it is made, how it is encoded.
KINDS: Final[tuple[tuple[str, Kind, str], ...]] = (
    ("CT", images.ct, _EXPLICIT),
    ("CT, big endian", images.ct, ExplicitVRBigEndian),
    ("CT, deflated", images.ct, DeflatedExplicitVRLittleEndian),
    ("CT of an archive, UN", images.archived_ct, _EXPLICIT),
    ("CT, name in a kept attribute", images.stubborn_ct, _EXPLICIT),
    ("CT, wrong character set", images.misdeclared_ct, _EXPLICIT),
    ("CT, local codes", images.local_ct, _EXPLICIT),
    ("MR", images.mr, _IMPLICIT),
    ("MR, explicit", images.mr, _EXPLICIT),
    ("enhanced MR", images.enhanced_mr, _EXPLICIT),
    ("structure set", documents.structures, _IMPLICIT),
    ("ECG", documents.ecg, _EXPLICIT),
    ("report", documents.report, _EXPLICIT),
    ("key objects", documents.key_objects, _EXPLICIT),
    ("presentation state", documents.presentation, _EXPLICIT),
    ("PDF", partial(documents.encapsulated, cda=False), _EXPLICIT),
    ("CDA", partial(documents.encapsulated, cda=True), _EXPLICIT),
    *((name, documents.undrawn, _EXPLICIT) for name in ("raw data", "video", "directory", "private object")),
    ("ultrasound", partial(screens.screen, ultrasound=True), _EXPLICIT),
    ("captured screen", partial(screens.screen, ultrasound=False), _EXPLICIT),
)


def corpus(seed: int, patients: int = 2) -> list[Planted]:
    """An object of every kind for each patient; the same for the same seed.

    Each patient's first study is of images, the second, on another day, of all other objects.
    """
    draw = Draw(seed, KEY)
    with warnings.catch_warnings():
        # Texts longer than their attribute may be are planted too, as senders write them; pydicom says so.
        warnings.simplefilter("ignore")
        return [one for number in range(patients) for one in _of_patient(draw, number, seed)]


def _of_patient(draw: Draw, number: int, seed: int) -> Iterator[Planted]:
    person = draw.person(_SCRIPTS[(seed + number) % len(_SCRIPTS)])
    first, second = Study(draw, person), Study(draw, person)
    second.frame = first.frame
    for name, make, syntax in KINDS:
        is_image = getattr(make, "__module__", "").endswith("images")
        study = first if is_image else second
        if not second.instances:
            second.instances = first.instances[:1]
        yield make(study, syntax, name)


def drawn_screens(seed: int, count: int) -> Iterator[Planted]:
    """So many screens with burned-in lines, of patients of their own."""
    draw = Draw(seed, KEY)
    for number in range(count):
        study = Study(draw, draw.person())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one = screens.screen(study, _EXPLICIT, f"screen {number}", ultrasound=number % 2 == 0)
        yield one
