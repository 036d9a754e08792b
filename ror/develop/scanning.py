"""DICOM files below folders → the data index: their headers read in parallel, each file once.

Public by itself: reading DICOM takes half a second to load, and `ror status` does not read any.
"""

from __future__ import annotations

import glob
import multiprocessing
import os
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
from ror.develop.own_folder import RULES
from ror.errors import ConfigurationError, NotAllowed, NotFound, ServiceUnavailable
from ror.stopping import Stop, asked_to_stop, end_with_parent, kept_from_children
from ror.walking import HEAD_BYTES, Unread, kind_of, walk
from select_lang.classification import Classifier, RulesError

__all__ = ["Scanned", "scan", "sources_of"]

_HANDFUL = 64
_AHEAD = 3  # handfuls that wait for each process
_FILES_WORTH_A_PROCESS = 400  # that many take about as long as a process takes to start
_LAST_UID = Tag("SeriesInstanceUID")
_PLACE = ("SOPClassUID", "SOPInstanceUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
# What pydicom raises for files that are broken in one way or another.
_BROKEN = (InvalidDicomError, BytesLengthException, EOFError, ValueError, TypeError, KeyError, AttributeError)
_NO_TEXT = "file with a name that is not UTF-8, as of an older medium: rename it"
_PASSED = {
    "link": "link: name what it leads to",
    "special": "neither a file nor a folder",
    "not_readable": "file or folder that cannot be read",
}
_TOLD = {"empty": "empty file", "not_dicom": "no DICOM file"}
_UNREADABLE = "DICOM file that cannot be read to its end"
# The head of Pixel Data (PS3.5 7.1.2) up to its length.
_PIXELS = (b"\xe0\x7f\x10\x00OW\0\0", b"\xe0\x7f\x10\x00OB\0\0")
_HEAD_OF_PIXELS = 12
_UNDEFINED = 0xFFFF_FFFF
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
    NotAllowed
        One of them cannot be read.
    """
    sources: list[Path] = []
    for pattern in patterns:
        found = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - it may begin at the root
        found = [one for one in found if Path(one).exists()]  # a link may lead nowhere, or to itself
        if not found:
            raise NotFound(f"there is nothing at {pattern}", "name a folder with DICOM files, or a pattern")
        sources += [_readable(Path(one).resolve()) for one in found]
    return sources


def _readable(source: Path) -> Path:
    if not os.access(source, os.R_OK | os.X_OK if source.is_dir() else os.R_OK):
        raise NotAllowed(f"{source} cannot be read", "have the right to; what is known of its files is kept")
    return source


def scan(
    index: DataIndex,
    sources: Sequence[Path],
    jobs: int,
    told: Told = lambda _done, _total: None,
    *,
    project: Path | None = None,
) -> Scanned:
    """Look at the files below some folders and write them into the index; then classify the series.

    A file that has not changed is not read again, so a scan that was stopped goes on. What is gone is forgotten. What
    is below the folder of the `project` is passed over: it is no data, and results of earlier runs are there. Series
    are classified by the rules that it has for itself, too (`ConfigurationError` where they have faults).
    `told` is called with the number of files to read that are done, and with that of all. Up to `jobs` processes
    read; one of them is this one where there are few files.
    """
    with asked_to_stop() as stop:
        classifier = _classifier(project)
        found, passed, unread = _walked(sources, project)
        index.add(passed, [])
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
        there = {*found, *(one.path for one in passed)}
        gone = [path for path in known.keys() - there if _below(path, sources) and not _below(path, unread)]
        index.forget(gone)
        _classify(index, classifier)
    return Scanned(len(found), done, len(gone), done == len(paths))


def _below(path: str, sources: Sequence[Path]) -> bool:
    return any(Path(path).is_relative_to(source) for source in sources)


def _walked(sources: Sequence[Path], project: Path | None) -> tuple[dict[str, None], list[Seen], list[Path]]:
    """The files to look at, what is passed over with the reason, and what of it could not be read."""
    found, passed, unread = dict[str, None](), list[Seen](), list[Path]()
    for one in (one for source in sources for one in walk(source)):
        if project is not None and Path(one.path).is_relative_to(project):
            continue
        if isinstance(one, Unread):
            if one.reason == "not_readable":
                unread.append(Path(one.path))
            reason = one.error.strerror if one.error else ""
            passed.append(
                _passed(one.path, f"{_PASSED[one.reason]}: {reason}" if reason else _PASSED[one.reason])
            )
        elif _is_text(one.path):
            found[one.path] = None
        else:
            passed.append(_passed(one.path, _NO_TEXT))
    return found, passed, unread


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _passed(path: str, why: str) -> Seen:
    return Seen(path.encode(errors="backslashreplace").decode(), FileState(0, 0), unused=why)


def _classifier(project: Path | None) -> Classifier:
    own = None if project is None else project / RULES
    if own is None or not own.is_file():
        return Classifier.shipped()
    try:
        return Classifier.shipped(own.read_text(encoding="utf-8"))
    except RulesError as error:
        faults = tuple(map(str, error.faults))
        raise ConfigurationError(f"{own} cannot be used:", faults, "correct it, or move it away") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{own} cannot be read: {type(error).__name__}", advice="move it away"
        ) from error


def _classify(index: DataIndex, classifier: Classifier) -> None:
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
            if _lacks_pixels(beginning, state.size):
                return Seen(path, state, unused=_UNREADABLE)
            told = identified(beginning) or _read(file)
        if not all((told.study_uid, told.series_uid, told.sop_uid, told.sop_class)):
            return Seen(path, state, unused=_WITHOUT_UIDS)
        return Seen(path, state, told.series_uid, told.sop_uid, (told.study_uid, told.patient_id))
    except OSError as error:
        return Seen(path, FileState(0, 0), unused=f"file that cannot be read: {error.strerror}")
    except _BROKEN:
        return Seen(path, state, unused=_UNREADABLE)


def _lacks_pixels(beginning: bytes, size: int) -> bool:
    """Whether a file ends before its pixels do, as one that was not copied whole.

    It is told of those in explicit VR and little endian, whose pixels are plain and begin early enough; of all others,
    when their pixels are read.
    """
    at = max(beginning.rfind(start) for start in _PIXELS)
    if at < 0 or at + _HEAD_OF_PIXELS > len(beginning):
        return False
    length = int.from_bytes(beginning[at + 8 : at + _HEAD_OF_PIXELS], "little")
    return length != _UNDEFINED and at + _HEAD_OF_PIXELS + length > size


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
