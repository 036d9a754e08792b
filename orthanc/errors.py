"""What can go wrong between us and a PACS.

::

    OrthancError
    ├── PeerError                 carries `report`: what the peer did take before
    │   ├── PeerUnavailable       try again later; nothing has to be changed
    │   └── PeerRefused           the peer said no for good; trying again gives the same answer
    ├── QueryError                a query that cannot be asked; correct it
    ├── NotSendable               a file that is no DICOM Part 10 file; mend or drop the file
    └── ServerError               the local test server
        ├── ServerNotInstalled    install Debian's package `orthanc`
        └── ServerNotReady        it ended or did not answer in time; its log is quoted
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "FileReport",
    "NotSendable",
    "OrthancError",
    "PeerError",
    "PeerRefused",
    "PeerUnavailable",
    "QueryError",
    "SendReport",
    "ServerError",
    "ServerNotInstalled",
    "ServerNotReady",
]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What the peer said to one file.

    Attributes
    ----------
    status
        DIMSE status of the C-STORE response (PS3.4 B.2.3); None when the peer accepts no presentation context
        for the file, so that it was never sent.
    stored
        The peer has the object now (success, or a warning: stored with coercion).
    """

    path: Path
    sop_instance_uid: str
    sop_class_uid: str
    status: int | None
    stored: bool


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of the files of one `send`, in the order they were sent."""

    files: tuple[FileReport, ...] = ()

    @property
    def stored(self) -> tuple[FileReport, ...]:
        """Files the peer has acknowledged."""
        return tuple(file for file in self.files if file.stored)

    @property
    def refused(self) -> tuple[FileReport, ...]:
        """Files the peer said no to."""
        return tuple(file for file in self.files if not file.stored)


class OrthancError(Exception):
    """Root of this package's errors."""


class PeerError(OrthancError):
    """The peer did not do what was asked; `report` tells which files it took nevertheless."""

    def __init__(self, message: str, report: SendReport | None = None) -> None:
        self.report = report if report is not None else SendReport()
        super().__init__(message)


class PeerUnavailable(PeerError):
    """The peer cannot be reached or cannot take anything now: try again later."""


class PeerRefused(PeerError):
    """The peer refused for good: trying again gives the same answer."""


class QueryError(OrthancError):
    """A query that cannot be asked; it is told without the values."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"the query cannot be asked: {fault}")
        self.advice = (
            "write KEYWORD=VALUE as in 'PatientID=4711 StudyDate=20240101-', and quote values with spaces"
        )


class NotSendable(OrthancError):
    """A file is no DICOM Part 10 file with its three UIDs in the file meta information."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(path, why)

    def __str__(self) -> str:
        return f"{self.path} cannot be sent: {self.args[1]}"


class ServerError(OrthancError):
    """The local Orthanc could not be used."""


class ServerNotInstalled(ServerError):
    """There is no Orthanc program on this machine."""


class ServerNotReady(ServerError):
    """Orthanc ended, or did not answer before the deadline."""
