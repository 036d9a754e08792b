"""Orthanc's REST API: what it holds, under DICOM's own identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeAlias

import requests

from orthanc.errors import PeerRefused, PeerUnavailable
from orthanc.tls import Tls

__all__ = ["Change", "Changes", "Level", "OrthancRest", "Series", "Study"]

Level: TypeAlias = Literal["Patient", "Study", "Series", "Instance"]


@dataclass(frozen=True, slots=True)
class Study:
    """A study as Orthanc holds it; `tags` are its and its patient's main tags by keyword."""

    study_instance_uid: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A line of Orthanc's change feed; `orthanc_id` is its own name of the study, series, and so on."""

    sequence: int
    kind: str
    orthanc_id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in their order. `last` is where to go on; `more` says that there are some already."""

    changes: tuple[Change, ...]
    last: int
    more: bool


@dataclass(frozen=True, slots=True)
class Series:
    """A series as Orthanc holds it."""

    series_instance_uid: str
    study_instance_uid: str
    modality: str
    description: str
    instance_count: int


class OrthancRest:
    """A client of one Orthanc server.

    Every method raises `PeerUnavailable` when the server does not answer or answers 5xx, and `PeerRefused`
    when it answers 4xx to something that should work (no permission, wrong URL).

    Parameters
    ----------
    url
        For example ``http://127.0.0.1:8042``.
    credentials
        User name and password, when the server asks for them.
    tls
        Whom to believe, and who we are, where the address is https; None for the authorities that are usual.
    """

    def __init__(
        self,
        url: str,
        credentials: tuple[str, str] | None = None,
        timeout_seconds: float = 30.0,
        tls: Tls | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._tls = tls
        self._session = requests.Session()
        self._session.auth = credentials

    def __enter__(self) -> OrthancRest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to the server."""
        self._session.close()

    def system(self) -> dict[str, Any]:
        """Name, version and AE title of the server."""
        answer: dict[str, Any] = self._json("GET", "/system")
        return answer

    def studies(self, **query: str) -> tuple[Study, ...]:
        """Studies whose attributes match, for example ``studies(PatientID="P-1")``; all without a query."""
        return tuple(
            Study(
                found["MainDicomTags"]["StudyInstanceUID"],
                found["PatientMainDicomTags"] | found["MainDicomTags"],
            )
            for found in self._find("Study", query)
        )

    def series(self, **query: str) -> tuple[Series, ...]:
        """Series whose attributes match, for example ``series(StudyInstanceUID=uid)``."""
        series = []
        for found in self._find("Series", query):
            tags = found["MainDicomTags"]
            parent = self._json("GET", f"/studies/{found['ParentStudy']}")["MainDicomTags"]
            series.append(
                Series(
                    series_instance_uid=tags["SeriesInstanceUID"],
                    study_instance_uid=parent["StudyInstanceUID"],
                    modality=tags.get("Modality", ""),
                    description=tags.get("SeriesDescription", ""),
                    instance_count=len(found["Instances"]),
                )
            )
        return tuple(series)

    def instances(self, **query: str) -> tuple[str, ...]:
        """SOPInstanceUIDs whose attributes match, for example ``instances(SeriesInstanceUID=uid)``."""
        return tuple(found["MainDicomTags"]["SOPInstanceUID"] for found in self._find("Instance", query))

    def file(self, sop_instance_uid: str) -> bytes | None:
        """The DICOM Part 10 file of one instance, byte for byte as received; None when Orthanc has it not."""
        orthanc_id = self._lookup("Instance", sop_instance_uid)
        return None if orthanc_id is None else self._request("GET", f"/instances/{orthanc_id}/file").content

    def changes(self, since: int, limit: int = 100) -> Changes:
        """What has changed after the change numbered `since`. Changes of what was deleted again are not in it."""
        answer = self._json("GET", f"/changes?since={since}&limit={limit}")
        changes = tuple(
            Change(int(one["Seq"]), str(one["ChangeType"]), str(one["ID"])) for one in answer["Changes"]
        )
        return Changes(changes, int(answer["Last"]), more=not answer["Done"])

    def last_change(self) -> int:
        """The number of the newest change; 0 where there is none."""
        return int(self._json("GET", "/changes?last")["Last"])

    def study_files(self, orthanc_id: str) -> Iterator[bytes]:
        """The files of a study, under Orthanc's own name of it; none of what has been deleted."""
        for instance in self._unless_gone(f"/studies/{orthanc_id}/instances") or ():
            file = self._unless_gone(f"/instances/{instance['ID']}/file", as_json=False)
            if file is not None:
                yield file

    def _unless_gone(self, path: str, *, as_json: bool = True) -> Any:
        answer = self._request("GET", path, known=(404,))
        if answer.status_code == 404:
            return None
        return answer.json() if as_json else answer.content

    def delete_instance(self, sop_instance_uid: str) -> bool:
        """Delete one instance; False when Orthanc has it not (so deleting twice is harmless)."""
        orthanc_id = self._lookup("Instance", sop_instance_uid)
        if orthanc_id is None:
            return False
        self._request("DELETE", f"/instances/{orthanc_id}")
        return True

    def _find(self, level: Level, query: dict[str, str]) -> list[dict[str, Any]]:
        body = {"Level": level, "Query": query, "Expand": True}
        found: list[dict[str, Any]] = self._json("POST", "/tools/find", body)
        return found

    def _lookup(self, level: Level, uid: str) -> str | None:
        answer = self._request("POST", "/tools/lookup", content=uid.encode("ascii")).json()
        return next((str(found["ID"]) for found in answer if found["Type"] == level), None)

    def _json(self, method: str, path: str, body: object = None) -> Any:
        return self._request(method, path, json=body).json()

    def _request(
        self,
        method: str,
        path: str,
        json: object = None,
        content: bytes | None = None,
        known: tuple[int, ...] = (),
    ) -> requests.Response:
        try:
            answer = self._session.request(
                method,
                self.url + path,
                json=json,
                data=content,
                timeout=self._timeout_seconds,
                **(self._tls.of_requests() if self._tls is not None else {}),
            )
        except requests.RequestException as error:
            raise PeerUnavailable(f"Orthanc at {self.url} does not answer: {type(error).__name__}") from error
        if answer.status_code >= 500:
            raise PeerUnavailable(f"Orthanc at {self.url} answers {answer.status_code} to {method} {path}")
        if answer.status_code >= 400 and answer.status_code not in known:
            raise PeerRefused(f"Orthanc at {self.url} answers {answer.status_code} to {method} {path}")
        return answer
