"""DICOM files below folders → the data index: their headers read in parallel, each file once.

Public by itself: reading DICOM takes half a second to load, and `ror status` does not read any.
"""

from __future__ import annotations

import glob
import multiprocessing
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from ror.archive import describe
from ror.develop.data_index import DataIndex, FileState, Instance, Seen, SeriesFound
from ror.develop.identifying import ENOUGH_BYTES, Identified, identified
from ror.errors import NotFound, ServiceUnavailable
from ror.stopping import Stop, asked_to_stop, end_with_parent, kept_from_children
from ror.walking import HEAD_BYTES, Found, kind_of, walk
from select_lang.classification import Classifier

__all__ = ["Scanned", "scan", "sources_of"]

_HANDFUL = 64
_AHEAD = 3  # handfuls that wait for each process
_FILES_WORTH_A_PROCESS = 400  # that many take about as long as a process takes to start
_LAST_UID = Tag("SeriesInstanceUID")
_PLACE = ("SOPClassUID", "SOPInstanceUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
# What pydicom raises for files that are broken in one way or another.
_BROKEN = (InvalidDicomError, BytesLengthException, EOFError, ValueError, TypeError, KeyError, AttributeError)
_TOLD = {"empty": "empty file", "not_dicom": "no DICOM file"}
_UNREADABLE = "DICOM file that cannot be read to its end"
_WITHOUT_UIDS = "DICOM file without the UIDs of study, series and object"

Told = Callable[[int, int], None]
_Looked = tuple[list[Seen], list[SeriesFound]]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan has done: of the `files` found, so many were `read`; so many are `gone`; did it come to its end?"""

    files: int
    read: int
    gone: int
    complete: bool


def sources_of(patterns: Sequence[str]) -> list[Path]:
    """Folders and files that were named, by themselves or by a pattern such as ``data/*/MR``.

    Raises
    ------
    NotFound
        One of them leads to nothing.
    """
    sources: list[Path] = []
    for pattern in patterns:
        found = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - it may begin at the root
        if not found:
            raise NotFound(f"there is nothing at {pattern}", "name a folder with DICOM files, or a pattern")
        sources += [Path(one).resolve() for one in found]
    return sources


def scan(
    index: DataIndex, sources: Sequence[Path], jobs: int, told: Told = lambda _done, _total: None
) -> Scanned:
    """Look at the files below some folders and write them into the index; then classify the series.

    A file that has not changed is not read again, so a scan that was stopped goes on. What is gone is forgotten.
    `told` is called with the number of files to read that are done, and with that of all. Up to `jobs` processes
    read; one of them is this one where there are few files.
    """
    with asked_to_stop() as stop:
        found = {one.path: one for source in sources for one in walk(source) if isinstance(one, Found)}
        known = index.known()
        paths = [path for path in found if path not in known or not Instance("", path, known[path]).unchanged]
        done = 0
        told(done, len(paths))
        with closing(
            _looked_at(paths, min(jobs, 1 + len(paths) // _FILES_WORTH_A_PROCESS), stop)
        ) as handfuls:
            for seen, series in handfuls:
                index.add(seen, series)
                done += len(seen)
                told(done, len(paths))
        gone = [path for path in known.keys() - found.keys() if _below(path, sources)]
        index.forget(gone)
        _classify(index)
    return Scanned(len(found), done, len(gone), done == len(paths))


def _below(path: str, sources: Sequence[Path]) -> bool:
    return any(Path(path).is_relative_to(source) for source in sources)


def _classify(index: DataIndex) -> None:
    classifier = Classifier.shipped()
    waiting = index.unclassified(classifier.digest)
    index.classify({one.uid: classifier.types(one) for one in waiting}, classifier.digest)


def _looked_at(paths: Sequence[str], jobs: int, stop: Stop) -> Generator[_Looked]:
    """Handfuls in order, until somebody asks to stop."""
    handfuls = _handfuls(paths)
    if jobs == 1:
        for handful in handfuls:
            if stop.asked:
                return
            yield _look(handful)
        return
    # Not forked from here: threads, and open databases, do not survive that.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(jobs, context, end_with_parent)
    waiting: deque[Future[_Looked]] = deque()
    try:
        for handful in handfuls:
            with kept_from_children():
                waiting.append(pool.submit(_look, handful))
            if len(waiting) >= jobs * _AHEAD:
                yield waiting.popleft().result()
            if stop.asked:
                return
        while waiting and not stop.asked:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise ServiceUnavailable(
            "a process that read files was killed, as happens when memory is short",
            "say the same command again: it goes on where it stopped",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _handfuls(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(paths)
    while handful := tuple(islice(rest, _HANDFUL)):
        yield handful


# -- perhaps in another process ---------------------------------------------------------------------------------------


def _look(paths: Sequence[str]) -> _Looked:
    seen: dict[str, Seen] = {}
    objects: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    # pydicom warns of odd values with the values themselves.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            one = seen[path] = _seen(path)
            if one.series_uid is not None:
                objects.setdefault((one.series_uid, *one.place), []).append((str(one.sop_uid), path))
        found = [_described(sorted(some), seen) for some in objects.values()]
    return list(seen.values()), [one for one in found if one is not None]


def _seen(path: str) -> Seen:
    try:
        state = FileState.of(path)
        with Path(path).open("rb") as file:
            beginning = file.read(ENOUGH_BYTES)
            if reason := kind_of(beginning[:HEAD_BYTES]):
                return Seen(path, state, unused=_TOLD[reason])
            told = identified(beginning) or _read(file)
        if not all((told.study_uid, told.series_uid, told.sop_uid, told.sop_class)):
            return Seen(path, state, unused=_WITHOUT_UIDS)
        return Seen(path, state, told.series_uid, told.sop_uid, (told.study_uid, told.patient_id))
    except OSError as error:
        return Seen(path, FileState(0, 0), unused=f"file that cannot be read: {error.strerror}")
    except _BROKEN:
        return Seen(path, state, unused=_UNREADABLE)


def _read(file: BinaryIO) -> Identified:
    """What pydicom reads, of whatever encoding."""
    file.seek(0)
    header = read_partial(file, _behind_the_uids)
    return Identified(*(str(header.get(keyword) or "") for keyword in _PLACE))


def _behind_the_uids(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag > _LAST_UID)


def _described(headers: Sequence[tuple[str, str]], seen: dict[str, Seen]) -> SeriesFound | None:
    """What the first of some objects of a series tells; those that cannot be read to their end are not used."""
    for _sop_uid, path in headers:
        try:
            header = dcmread(path, stop_before_pixels=True)
            if not header.get("PatientID"):
                header.PatientID = ""
            told = describe(header)
        except (*_BROKEN, OSError):
            seen[path] = Seen(path, seen[path].state, unused=_UNREADABLE)
        else:
            return SeriesFound(
                told.series_uid, told.study_uid, told.patient_id, told.sop_uid, told.attributes
            )
    return None
