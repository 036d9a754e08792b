"""DICOMweb as a user (PS3.18): QIDO-RS, WADO-RS and STOW-RS. Of any vendor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import requests
from pydicom.datadict import keyword_for_tag

from orthanc.errors import FileReport, PeerError, PeerRefused, PeerUnavailable, SendReport
from orthanc.multipart import Truncated, boundary_of, parts
from orthanc.part10 import Part10File
from orthanc.query import FoundStudy, Query
from orthanc.statuses import CANNOT_UNDERSTAND, is_later, refusal, report_of
from orthanc.stow import StowBody, batches, read_answer
from orthanc.tls import Tls

__all__ = ["DicomWeb"]

_PAGE = 200
_CHUNK_BYTES = 256 * 1024
_JSON = "application/dicom+json"
# A server reads and stores all of a request before it answers.
_STORE_SECONDS = 600.0
# A server may answer so to many objects because of one of them, or of their number.
_OF_ONE_OF_THEM = (400, 413)
_NEVER = (501, 505)  # not implemented
_BESIDES = ("NumberOfStudyRelatedInstances", "ModalitiesInStudy")
# As they are stored; not every server knows that it may be asked for it.
_OBJECTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_OBJECTS_PLAINLY = 'multipart/related; type="application/dicom"'


class _OneOfThem(Exception):
    """The server refuses several objects at once, perhaps for one of them."""


class DicomWeb:
    """A client of one DICOMweb server.

    Every method raises `PeerUnavailable` when the server does not answer, ends too early, or answers 5xx (but 501),
    408 or 429, and `PeerRefused` when it answers 4xx else.

    Parameters
    ----------
    url
        Of the service, for example ``https://pacs.example.org/dicom-web``.
    credentials
        User name and password, when the server asks for them.
    token
        Sent as ``Authorization: Bearer``, when the server asks for one.
    tls
        Whom to believe, and who we are, where the address is https; None for the authorities that are usual.
    """

    def __init__(
        self,
        url: str,
        credentials: tuple[str, str] | None = None,
        token: str = "",
        timeout_seconds: float = 60.0,
        tls: Tls | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._tls = tls
        self._session = requests.Session()
        # Said as `auth`, no file of passwords of the user's (.netrc) takes its place.
        self._session.auth = _Bearer(token) if token else credentials

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"DICOMweb at {self.url}"

    def close(self) -> None:
        """Close the connection to the server."""
        self._session.close()

    def find_studies(self, query: Query) -> tuple[FoundStudy, ...]:
        """The studies that match (QIDO-RS), each once, in the order of their UIDs.

        Raises
        ------
        PeerRefused
            Also where the server ignores one of the keys.
        """
        found: dict[str, FoundStudy] = {}
        seen: set[str] = set()
        rows = 0
        while page := self._page(query, rows):
            uids = {"".join(one.get("StudyInstanceUID", ())) for one in page}
            if uids <= seen:
                break  # a server that gives all at once gives them again
            seen |= uids
            rows += len(page)
            found |= {study.study_instance_uid: study for study in self._studies(query, page)}
        return tuple(found[uid] for uid in sorted(found))

    def get_study(self, study: FoundStudy, take: Callable[[bytes], object]) -> int:
        """Fetch all objects of a study (WADO-RS); `take` is called with each as a file (PS3.10). Returns how many."""
        path = f"/studies/{study.study_instance_uid}"
        return self._objects(path, lambda pieces: take(b"".join(pieces)))

    def get_series(
        self,
        study_uid: str,
        series_uid: str,
        take: Callable[[Iterator[bytes]], object],
        sop_instance_uid: str = "",
    ) -> int:
        """Fetch the objects of a series, or one of them (WADO-RS); returns how many.

        `take` is called with the pieces of each as a file (PS3.10), as they come. What it raises ends it.
        """
        path = f"/studies/{study_uid}/series/{series_uid}"
        return self._objects(path + (f"/instances/{sop_instance_uid}" if sop_instance_uid else ""), take)

    def _objects(self, path: str, take: Callable[[Iterator[bytes]], object]) -> int:
        with self._asked(path, _OBJECTS, stream=True, known=(406, 415)) as first:
            if first.status_code not in (406, 415):
                return self._taken(first, take)
        with self._asked(path, _OBJECTS_PLAINLY, stream=True) as second:
            return self._taken(second, take)

    def find_instances(self, series: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The SOPInstanceUIDs that the server has of some series, each named with its study (QIDO-RS).

        Raises
        ------
        PeerRefused
            Also where there is no DICOMweb at the address.
        """
        found: set[str] = set()
        for study_uid, series_uid in series:
            path, rows = f"/studies/{study_uid}/series/{series_uid}/instances", 0
            while page := self._rows(path, {"limit": _PAGE, "offset": rows}, known=(404,)):
                uids = {"".join(one.get("SOPInstanceUID", ())) for one in page}
                if uids <= found:
                    break
                found |= uids
                rows += len(page)
        if not found:
            # 404 is the answer of some servers for a series that they have not, and of all where there is no service.
            self._rows("/studies", {"limit": 1}, known=(400, 403, 413))
        return frozenset(found - {""})

    def send(self, files: Iterable[Path]) -> SendReport:
        """Store DICOM files at the server (STOW-RS), byte for byte as they lie on disk, some at a time.

        As `orthanc.send` with its errors; `FileReport.status` is the FailureReason, 0 for what was stored.

        Raises
        ------
        NotSendable
            A file is no DICOM Part 10 file; nothing was sent.
        """
        waiting = deque(batches([Part10File.read(Path(file)) for file in files]))
        done: list[FileReport] = []
        while waiting:
            batch = waiting.popleft()
            try:
                done += self._store(batch)
            except _OneOfThem:
                half = len(batch) // 2
                waiting.extendleft((batch[half:], batch[:half]))
            except PeerError as error:
                error.report = SendReport((*done, *error.report.files))
                raise
        report = SendReport(tuple(done))
        if report.refused:
            raise PeerRefused(refusal(self, report), report)
        return report

    def _store(self, files: list[Part10File]) -> list[FileReport]:
        body = StowBody(files)
        with self._asked("/studies", _JSON, body=body, known=(409, *_OF_ONE_OF_THEM)) as answer:
            status = answer.status_code
            said = _object(answer)
        if status in _OF_ONE_OF_THEM:
            if len(files) > 1:
                raise _OneOfThem
            return [report_of(files[0], CANNOT_UNDERSTAND)]
        reports, silent = read_answer(said, files, all_stored=status == 200)
        report = SendReport(tuple(reports))
        later = [one.status for one in reports if one.status is not None and is_later(one.status)]
        if later:
            told = f"{self} cannot store {len(later)} of {len(files)} objects now (status 0x{later[0]:04X})"
            raise PeerUnavailable(told, report)
        if silent and status == 409:
            raise PeerRefused(
                f"{self} answers {status} to {len(silent)} objects and does not say why", report
            )
        if silent:
            told = f"{self} does not say what became of {len(silent)} of {len(files)} objects"
            raise PeerUnavailable(told, report)
        return reports

    def _page(self, query: Query, offset: int) -> list[dict[str, tuple[str, ...]]]:
        asked = {**query.keys, "limit": _PAGE, "offset": offset, "includefield": ",".join(_BESIDES)}
        return self._rows("/studies", asked)

    def _rows(
        self, path: str, parameters: dict[str, Any], known: tuple[int, ...] = ()
    ) -> list[dict[str, tuple[str, ...]]]:
        with self._asked(path, _JSON, parameters, known=known) as answer:
            if answer.status_code in (204, *known) or not answer.content:
                return []
            try:
                rows = answer.json()
            except requests.JSONDecodeError as error:
                raise PeerRefused(f"{self} answers the query with something else than JSON") from error
        return [{keyword_for_tag(tag): _values(one) for tag, one in row.items()} for row in rows]

    def _studies(self, query: Query, page: list[dict[str, tuple[str, ...]]]) -> Iterator[FoundStudy]:
        for said in page:
            ignored = sorted(set(query.unanswered(said)))
            if ignored:
                raise PeerRefused(
                    f"{self} does not answer for {', '.join(ignored)}: leave it out of the query"
                )
            uid = "".join(said.get("StudyInstanceUID", ()))
            if uid and query.fits(said):
                number = "".join(said.get("NumberOfStudyRelatedInstances", ()))
                count = int(number) if number.isdecimal() else None
                yield FoundStudy(uid, count, tuple(filter(None, said.get("ModalitiesInStudy", ()))))

    def _taken(self, answer: requests.Response, take: Callable[[Iterator[bytes]], object]) -> int:
        boundary = boundary_of(answer.headers.get("Content-Type", ""))
        if boundary is None:
            raise PeerRefused(f"{self} gives no multipart/related for a study")
        number = 0
        try:
            for pieces in parts(answer.iter_content(_CHUNK_BYTES), boundary):
                take(pieces)
                number += 1
        except (Truncated, requests.RequestException) as error:
            raise PeerUnavailable(f"{self} ended in the midst of a study, after {number} objects") from error
        return number

    def _asked(
        self,
        path: str,
        accept: str,
        parameters: dict[str, Any] | None = None,
        *,
        body: StowBody | None = None,
        stream: bool = False,
        known: tuple[int, ...] = (),
    ) -> requests.Response:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = body.content_type
        try:
            answer = self._session.request(
                "GET" if body is None else "POST",
                self.url + path,
                # Not every server decodes what stands for itself in a query (RFC 3986 3.4).
                params=urlencode(parameters, safe="*-,", quote_via=quote) if parameters else None,
                data=body,
                headers=headers,
                timeout=self._timeout_seconds if body is None else (self._timeout_seconds, _STORE_SECONDS),
                stream=stream,
                **(self._tls.of_requests() if self._tls is not None else {}),
            )
        except requests.RequestException as error:
            # Its text has the address with the query, and so a patient's id.
            raise PeerUnavailable(f"{self} does not answer: {type(error).__name__}") from error
        status = answer.status_code
        if status >= 400 and status not in known:
            answer.close()
            later = (status >= 500 and status not in _NEVER) or status in (408, 429)
            raise (PeerUnavailable if later else PeerRefused)(f"{self} answers {status}")
        return answer


class _Bearer(requests.auth.AuthBase):
    """Shows a token (RFC 6750)."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _object(answer: requests.Response) -> dict[str, Any]:
    """The data set of an answer to STOW-RS; an empty one where it gives none that can be read."""
    try:
        said = answer.json()
    except requests.JSONDecodeError:
        return {}  # the status has been read: what it does not tell is told as unknown
    return said if isinstance(said, dict) else {}


def _values(element: dict[str, Any]) -> tuple[str, ...]:
    # PS3.18 F.2: names are objects, what is empty is null.
    values = (one.get("Alphabetic") if isinstance(one, dict) else one for one in element.get("Value") or ())
    return tuple("" if one is None else str(one) for one in values)
