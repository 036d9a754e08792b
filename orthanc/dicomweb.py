"""DICOMweb as a user (PS3.18): QIDO-RS for studies, WADO-RS for their objects. Of any vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import requests
from pydicom.datadict import keyword_for_tag

from orthanc.errors import PeerRefused, PeerUnavailable
from orthanc.multipart import Truncated, boundary_of, parts
from orthanc.query import FoundStudy, Query

__all__ = ["DicomWeb"]

_PAGE = 200
_CHUNK_BYTES = 256 * 1024
_BESIDES = ("NumberOfStudyRelatedInstances", "ModalitiesInStudy")
# As they are stored; not every server knows that it may be asked for it.
_OBJECTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_OBJECTS_PLAINLY = 'multipart/related; type="application/dicom"'


class DicomWeb:
    """A client of one DICOMweb server.

    Every method raises `PeerUnavailable` when the server does not answer, ends too early, or answers 5xx, 408 or 429,
    and `PeerRefused` when it answers 4xx else.

    Parameters
    ----------
    url
        Of the service, for example ``https://pacs.example.org/dicom-web``.
    credentials
        User name and password, when the server asks for them.
    token
        Sent as ``Authorization: Bearer``, when the server asks for one.
    """

    def __init__(
        self,
        url: str,
        credentials: tuple[str, str] | None = None,
        token: str = "",
        timeout_seconds: float = 60.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.auth = credentials
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

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
        with self._asked(path, _OBJECTS, stream=True, known=(406, 415)) as first:
            if first.status_code not in (406, 415):
                return self._taken(first, take)
        with self._asked(path, _OBJECTS_PLAINLY, stream=True) as second:
            return self._taken(second, take)

    def _page(self, query: Query, offset: int) -> list[dict[str, tuple[str, ...]]]:
        parameters = {**query.keys, "limit": _PAGE, "offset": offset, "includefield": ",".join(_BESIDES)}
        with self._asked("/studies", "application/dicom+json", parameters) as answer:
            if answer.status_code == 204 or not answer.content:
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

    def _taken(self, answer: requests.Response, take: Callable[[bytes], object]) -> int:
        boundary = boundary_of(answer.headers.get("Content-Type", ""))
        if boundary is None:
            raise PeerRefused(f"{self} gives no multipart/related for a study")
        number = 0
        try:
            for body in parts(answer.iter_content(_CHUNK_BYTES), boundary):
                take(body)
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
        stream: bool = False,
        known: tuple[int, ...] = (),
    ) -> requests.Response:
        try:
            answer = self._session.get(
                self.url + path,
                # Not every server decodes what stands for itself in a query (RFC 3986 3.4).
                params=urlencode(parameters, safe="*-,", quote_via=quote) if parameters else None,
                headers={"Accept": accept},
                timeout=self._timeout_seconds,
                stream=stream,
            )
        except requests.RequestException as error:
            # Its text has the address with the query, and so a patient's id.
            raise PeerUnavailable(f"{self} does not answer: {type(error).__name__}") from error
        status = answer.status_code
        if status >= 400 and status not in known:
            answer.close()
            later = status >= 500 or status in (408, 429)
            raise (PeerUnavailable if later else PeerRefused)(f"{self} answers {status}")
        return answer


def _values(element: dict[str, Any]) -> tuple[str, ...]:
    # PS3.18 F.2: names are objects, what is empty is null.
    values = (one.get("Alphabetic") if isinstance(one, dict) else one for one in element.get("Value") or ())
    return tuple("" if one is None else str(one) for one in values)
