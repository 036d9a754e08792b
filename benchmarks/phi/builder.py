"""An object under construction, and the note of what was put into it, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Final

from pydicom import Dataset, dcmwrite
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from benchmarks.phi.implant import Category, Implant, Keeper, Line, Planted
from benchmarks.phi.person import Draw, Person
from benchmarks.phi.spelling import dates, names

__all__ = ["Builder"]

PUBLIC: Final = "public attribute"


@dataclass(slots=True)
class _Note:
    category: Category
    place: str
    at: tuple[int, int] | None
    pattern: str
    concept: tuple[str, str, str] | None
    stranger: bool


@dataclass
class Builder:
    """Puts identity into one data set; `finish` writes it.

    The path of each implant is found when the data set is whole, by walking it.
    """

    name: str
    draw: Draw
    person: Person
    dataset: Dataset = field(default_factory=Dataset)
    lines: list[Line] = field(default_factory=list)
    _notes: list[_Note] = field(default_factory=list)
    _kept: list[tuple[tuple[int, int], tuple[str, ...]]] = field(default_factory=list)

    def put(
        self,
        what: str | tuple[int, str],
        value: object,
        category: Category,
        *patterns: str,
        inside: Dataset | None = None,
        place: str = PUBLIC,
        concept: tuple[str, str, str] | None = None,
        stranger: bool = False,
    ) -> None:
        """Set an attribute, a keyword or a tag with its VR; `patterns` are what of it identifies, or all of it."""
        item = self.dataset if inside is None else inside
        tag = _set(item, what, value)
        for pattern in patterns or (str(value),):
            self._notes.append(_Note(category, place, (id(item), tag), pattern, concept, stranger))

    def outside(self, place: str, pattern: str, category: Category) -> None:
        """Note what stands outside the data set, or inside a value that cannot be walked."""
        self._notes.append(_Note(category, place, None, pattern, None, False))

    def keep(
        self, what: str | tuple[int, str], value: object, inside: Dataset | None = None, *words: str
    ) -> None:
        """Set an attribute that must stay, or note that `words` of it must."""
        item = self.dataset if inside is None else inside
        self._kept.append(((id(item), _set(item, what, value)), words))

    def text(self, keyword: str, inside: Dataset | None = None, *, place: str = PUBLIC) -> None:
        """A descriptor with words of imaging, that must stay where it is cleaned, and the patient's identity."""
        r, item = self.draw.random, self.dataset if inside is None else inside
        name, words = names(self.person, r)
        said, phone = dates(self.draw.day(), r), self.draw.phone()
        stranger, cued, street = (
            self.draw.name(),
            self.draw.name(),
            f"{self.draw.name()}gata {r.randrange(2, 99)}",
        )
        value = f"AX T2 {name} {said} tel {phone} FLAIR Dr. {cued} {street} with {stranger}"
        tag = _set(item, keyword, value)
        noted = [*((Category.NAME, word) for word in words), (Category.DATE, said), (Category.PHONE, phone)]
        noted += [(Category.STAFF, cued), (Category.ADDRESS, street)]
        for category, pattern in noted:
            self._notes.append(_Note(category, place, (id(item), tag), pattern, None, False))
        self._notes.append(_Note(Category.STAFF, place, (id(item), tag), stranger, None, True))
        self._kept.append(((id(item), tag), ("AX", "T2", "FLAIR")))

    def day(self, keyword: str, inside: Dataset | None = None, time: str = "") -> date:
        """A date attribute, or with `time` a date and time, with a new day."""
        day = self.draw.day()
        self.put(keyword, f"{day:%Y%m%d}{time}", Category.DATE, f"{day:%Y%m%d}", inside=inside)
        return day

    def uid(self, keyword: str, inside: Dataset | None = None) -> str:
        """A UID attribute with a new UID."""
        uid = self.draw.uid()
        self.put(keyword, uid, Category.UID, inside=inside)
        return uid

    def finish(self, syntax: str = ExplicitVRLittleEndian, tail: bytes = b"") -> Planted:
        """The object as a file whose preamble and meta information name people and machines; `tail` follows it."""
        paths = dict(_paths(self.dataset))
        preamble = self._preamble()
        data = part10(self.dataset, self._meta(syntax), preamble) + tail
        implants = tuple(
            Implant(n.category, n.place, paths[n.at] if n.at else "", n.pattern, n.concept, n.stranger)
            for n in self._notes
        )
        keepers = tuple(Keeper(paths[at], words) for at, words in self._kept)
        return Planted(self.name, self.person.number, data, implants, keepers, tuple(self.lines))

    def _preamble(self) -> bytes:
        word = self.draw.word("Pre")
        self.outside("preamble", word, Category.REMARK)
        return (word.encode() * 16)[:128]

    def _meta(self, syntax: str) -> FileMetaDataset:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = self.dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = self.dataset.SOPInstanceUID
        meta.TransferSyntaxUID = UID(syntax)
        meta.ImplementationClassUID = UID(self.draw.uid())
        meta.SourceApplicationEntityTitle = self.draw.word("AE").upper()
        meta.SendingApplicationEntityTitle = self.draw.word("SA").upper()
        meta.PrivateInformationCreatorUID = UID(self.draw.uid())
        word = self.draw.word("Info")
        meta.PrivateInformation = word.encode() + b" " * (len(word) % 2)
        for said in (meta.SourceApplicationEntityTitle, meta.SendingApplicationEntityTitle, word):
            self.outside("file meta information", said, Category.DEVICE)
        for uid in (meta.ImplementationClassUID, meta.PrivateInformationCreatorUID):
            self.outside("file meta information", str(uid), Category.UID)
        return meta


def part10(dataset: Dataset, meta: FileMetaDataset, preamble: bytes = bytes(128)) -> bytes:
    """A file of a data set."""
    dataset.file_meta, dataset.preamble = meta, preamble
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _set(item: Dataset, what: str | tuple[int, str], value: object) -> int:
    if isinstance(what, tuple):
        item.add_new(what[0], what[1], value)
        return what[0]
    setattr(item, what, value)
    tag = tag_for_keyword(what)
    assert tag is not None
    return int(tag)


def _paths(dataset: Dataset, path: str = "") -> Iterator[tuple[tuple[int, int], str]]:
    """The path of each attribute, by the data set or item that it stands in and its tag."""
    for element in dataset:
        here = f"{path}({element.tag.group:04X},{element.tag.elem:04X})"
        yield (id(dataset), int(element.tag)), here
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _paths(item, f"{here}[{number}]")
