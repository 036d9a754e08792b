"""QIDO-RS over the index (PS3.18 10.6): which studies, series and instances match, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, TypeVar

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword

from ror.web.elements import element, tag_of
from ror.web.errors import Refusal
from ror.web.finding import Finding, Test
from ror.web.matching import Key
from ror.web.query import Query
from ror.web.shelf import Held, HeldSeries, Place, Shelf

__all__ = ["Page", "Search"]

# PS3.18 Tables 10.6.3-3, -4 and -5, as far as de-identified objects have them; and what viewers show in their lists.
STUDY: Final = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "TimezoneOffsetFromUTC",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
)
SERIES: Final = (
    "Modality",
    "SeriesDescription",
    "SeriesNumber",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "BodyPartExamined",
    "SeriesDate",
    "SeriesTime",
)
INSTANCE: Final = (
    "InstanceNumber",
    "Rows",
    "Columns",
    "BitsAllocated",
    "NumberOfFrames",
    "ContentDate",
    "ContentTime",
)
_MORE_OF_STUDY: Final = ("PatientAge", "PatientSize", "PatientWeight")
_MORE_OF_SERIES: Final = (
    "Laterality", "Manufacturer", "ManufacturerModelName", "PatientPosition", "ProtocolName", "SliceThickness",
    "PixelSpacing", "FrameOfReferenceUID", "ImageType",
)  # fmt: skip
_IN_COLUMNS: Final = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "PatientID"})
_OF_INSTANCE_ROWS: Final = frozenset({"SOPInstanceUID", "SOPClassUID"})
_MOST_READ: Final = 5000  # files, for attributes that only they have
T = TypeVar("T")
Page = tuple[list[dict[str, Any]], bool]


class Search:
    """Answers one query each: a page of results, and whether there are more."""

    def __init__(self, shelf: Shelf, finding: Finding) -> None:
        self._shelf = shelf
        self._finding = finding

    def studies(self, place: Place, query: Query, url: Callable[..., str]) -> Page:
        """Studies of which any series matches."""
        in_columns, tests = _parted(_of_series(query))
        found = (
            dict.fromkeys(one.study_uid for one in self._finding.series(place, in_columns, tests))
            if tests
            else self._shelf.studies(place, in_columns)
        )
        uids, more = _page(found, query)
        wanted = {*STUDY, *query.wanted, *(_MORE_OF_STUDY if query.wants_all else ())}
        held: dict[str, list[HeldSeries]] = {uid: [] for uid in uids}
        if uids:
            for one in self._shelf.series(place, ["Modality"], {"StudyInstanceUID": uids}):
                held[one.study_uid].append(one)
        # What is of the study is told by its first series: all of the others need not be read for it.
        first = self._with_values(place, [some[0].series_uid for some in held.values()], wanted)
        counts = self._shelf.counts([one.series_uid for some in held.values() for one in some])
        return [
            _study(first[held[uid][0].series_uid], held[uid], counts, wanted, url(uid)) for uid in uids
        ], more

    def series(self, place: Place, query: Query, url: Callable[..., str]) -> Page:
        """Series that match, those of a study one after another."""
        in_columns, tests = _parted(_of_series(query))
        uids, more = _page((one.series_uid for one in self._finding.series(place, in_columns, tests)), query)
        wanted = {*SERIES, *query.wanted, *(() if place.study else STUDY)}
        wanted |= set(_MORE_OF_SERIES) if query.wants_all else set()
        held = self._with_values(place, uids, wanted)
        counts = self._shelf.counts(uids)
        return [
            _told(held[uid].values, wanted, url(held[uid].study_uid, uid))
            | _uids(held[uid].study_uid, uid)
            | _numbers(NumberOfSeriesRelatedInstances=counts.get(uid, 0))
            for uid in uids
        ], more

    def _with_values(
        self, place: Place, series_uids: Sequence[str], wanted: Iterable[str]
    ) -> dict[str, HeldSeries]:
        if not series_uids:
            return {}
        narrowed = {"SeriesInstanceUID": series_uids}
        return {one.series_uid: one for one in self._shelf.series(place, wanted, narrowed)}

    def instances(self, place: Place, query: Query, url: Callable[..., str]) -> Page:
        """Instances that match, series by series."""
        of_series = [key for key in query.keys if _is_of_series(key.keyword)]
        of_files = [key for key in query.keys if key.keyword in INSTANCE]
        rest = {key.keyword: key.texts for key in query.keys if key.keyword in _OF_INSTANCE_ROWS}
        series = [one.series_uid for one in self._finding.series(place, *_parted(of_series))]
        found: Iterable[Held] = self._shelf.instances_of(
            series, rest.get("SOPInstanceUID", ()), rest.get("SOPClassUID", ())
        )
        if of_files:
            found = _with_values(found, [(key.keyword, key.tester()) for key in of_files])
        held, more = _page(found, query)
        wanted = {*INSTANCE, *query.wanted}
        return [_instance(one, wanted, url(one.study_uid, one.series_uid, one.sop_uid)) for one in held], more


def _of_series(query: Query) -> Sequence[Key]:
    for key in query.keys:
        if not _is_of_series(key.keyword):
            raise Refusal(
                HTTPStatus.BAD_REQUEST, f"{key.keyword} is of single instances: ask /instances for it"
            )
    return query.keys


def _parted(keys: Iterable[Key]) -> tuple[dict[str, tuple[str, ...]], dict[str, Test]]:
    """What the database compares, and what has to be tested."""
    in_columns, tests = dict[str, tuple[str, ...]](), dict[str, Test]()
    for key in keys:
        if key.keyword in _IN_COLUMNS and key.is_exact:
            in_columns[key.keyword] = key.texts
        else:
            tests[_indexed(key.keyword)] = key.tester()
    return in_columns, tests


def _indexed(keyword: str) -> str:
    return "Modality" if keyword == "ModalitiesInStudy" else keyword


def _is_of_series(keyword: str) -> bool:
    return keyword not in INSTANCE and keyword not in _OF_INSTANCE_ROWS


def _page(found: Iterable[T], query: Query) -> tuple[list[T], bool]:
    page = list(islice(found, query.offset, query.offset + query.limit + 1))
    return page[: query.limit], len(page) > query.limit


def _study(
    first: HeldSeries, series: Sequence[HeldSeries], counts: dict[str, int], wanted: Iterable[str], url: str
) -> dict[str, Any]:
    modalities = sorted({value for one in series for value in one.values["Modality"]})
    told = _told(first.values, wanted, url) | _uids(first.study_uid)
    told[tag_of("ModalitiesInStudy")] = element("ModalitiesInStudy", modalities)
    return told | _numbers(
        NumberOfStudyRelatedSeries=len(series),
        NumberOfStudyRelatedInstances=sum(counts.get(one.series_uid, 0) for one in series),
    )


def _instance(held: Held, wanted: Iterable[str], url: str) -> dict[str, Any]:
    values = _values_in(held, wanted)
    told = _told(values, wanted, url) | _uids(held.study_uid, held.series_uid)
    told[tag_of("SOPClassUID")] = element("SOPClassUID", [held.sop_class_uid])
    told[tag_of("SOPInstanceUID")] = element("SOPInstanceUID", [held.sop_uid])
    return told


def _told(values: Any, wanted: Iterable[str], url: str) -> dict[str, Any]:
    told = {tag_of(one): element(one, values[one]) for one in wanted if values.get(one)}
    told[tag_of("RetrieveURL")] = element("RetrieveURL", [url])
    told[tag_of("InstanceAvailability")] = element("InstanceAvailability", ["ONLINE"])
    return told


def _uids(study: str, series: str = "") -> dict[str, Any]:
    named = {"StudyInstanceUID": study, **({"SeriesInstanceUID": series} if series else {})}
    return {tag_of(keyword): element(keyword, [uid]) for keyword, uid in named.items()}


def _numbers(**counts: int) -> dict[str, Any]:
    return {tag_of(keyword): element(keyword, [count]) for keyword, count in counts.items()}


def _with_values(
    found: Iterable[Held], tests: Sequence[tuple[str, Callable[[Sequence[object]], bool]]]
) -> Iterator[Held]:
    for number, held in enumerate(found):
        if number == _MOST_READ:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"more than {_MOST_READ} instances would have to be read: name the study or the series, too",
            )
        values = _values_in(held, [keyword for keyword, _test in tests])
        if all(test(values[keyword]) for keyword, test in tests):
            yield held


def _values_in(held: Held, keywords: Iterable[str]) -> dict[str, list[object]]:
    """Values of a file of the archive, text as in the index."""
    tags = [tag_for_keyword(keyword) for keyword in keywords]
    dataset = dcmread(
        held.file, stop_before_pixels=True, specific_tags=[tag for tag in tags if tag is not None]
    )
    return {keyword: _values_of(dataset, keyword) for keyword in keywords}


def _values_of(dataset: Dataset, keyword: str) -> list[object]:
    if keyword not in dataset or dataset[keyword].is_empty or dataset[keyword].VR == "SQ":
        return []
    value = dataset[keyword].value
    return list(value) if dataset[keyword].VM > 1 else [value]
