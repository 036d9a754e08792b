"""A workflow sent to a server, and what it tells of its first job (`ror.web.submission` answers).

Public by itself: only `ror submit` talks to a server.
"""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import quote

import requests
from urllib3.exceptions import NewConnectionError

from containers import Package
from ror.bearer import Bearer
from ror.errors import ConfigurationError, NotAllowed, ServiceUnavailable
from ror.overheard import is_overheard

__all__ = ["ENDED", "JobTold", "Server", "Submitted", "followed", "packed"]

_SECONDS = (30.0, 3600.0)  # to connect; for the next line, while an image is built
_PATIENCE_S = 2.0
_WHAT_IS_SENT = (
    "say ror submit in the folder of the workflow, or name a .tar.gz of that folder or of ror build --save"
)
_ADVICE: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: _WHAT_IS_SENT,
    HTTPStatus.CONFLICT: "start Docker there, or say ror submit in the folder of the workflow",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "leave out what the program does not need, or have the limit raised there: web.max_package_mib of "
        "folders, web.max_image_mib of images"
    ),
}
_STORED = 0  # of gzip: an image is compressed already
ENDED = frozenset({"succeeded", "failed", "rejected", "cancelled", "superseded", "review"})
"""States that a job does not leave by itself."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What was installed and enabled in which project, and how many jobs held studies have made of it."""

    project: str
    name: str
    version: str
    digest: str
    queued: int


@dataclass(frozen=True, slots=True)
class JobTold:
    """How far a job is; `reason` says why it ended as it did, or what it waits for."""

    job: str
    state: str
    step: str
    reason: str

    def __str__(self) -> str:
        """For people."""
        at = f", at {self.step}" if self.step and self.state == "running" else ""
        return f"job {self.job}: {self.state}{at}" + (f": {self.reason}" if self.reason else "")


@contextmanager
def packed(package: Package) -> Iterator[IO[bytes]]:
    """The files of a package as ``.tar.gz``, without who owns them, in a folder of its name, which older ones go by."""
    level = _STORED if package.image_archive else 9
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=level) as tar:
            for path in package.files():
                name = PurePosixPath(package.manifest.name, path.relative_to(package.folder).as_posix())
                tar.add(path, str(name), recursive=False, filter=_nobodys)
        file.seek(0)
        yield file


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


class Server:
    """A `ror serve` with ``web.enabled``, and a token of a project that may submit."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    @property
    def is_overheard(self) -> bool:
        """Whether the token goes over a network in plain text."""
        return is_overheard(self._url)

    def submit(
        self, archive: IO[bytes], told: Callable[[str], None], *, match: bool = False, image: bool = False
    ) -> Submitted:
        """Send a package; `told` gets every line that the server says of it. With `match`, held studies get it, too.

        The server is asked first whether it would take it; with `image`, one that brings its image.

        Raises
        ------
        ConfigurationError
            The server refuses the package; it says why, and what to do.
        NotAllowed
            The token may not, or the server takes none.
        ServiceUnavailable
            There is no server, or it can take nothing now.
        """
        kind = {"image": "true"} if image else {}
        self._require_takes(os.fstat(archive.fileno()).st_size, kind)
        with _told_in_words(self._url):
            answer = requests.post(
                f"{self._url}/workflows",
                archive,
                params=kind | ({"match": "true"} if match else {}),
                headers={"Content-Type": "application/gzip"},
                auth=Bearer(self._token),
                timeout=_SECONDS,
                stream=True,
                allow_redirects=False,
            )
            with answer:
                self._require(answer, HTTPStatus.OK)
                for line in answer.iter_lines():
                    one = json.loads(line)
                    if "told" in one:
                        told(str(one["told"]))
                    elif "refused" in one:
                        refused = one["refused"]
                        raise ConfigurationError(
                            f"the server refuses the workflow: {refused['what']}", advice=refused["advice"]
                        )
                    else:
                        return Submitted(**one["installed"])
        raise ServiceUnavailable(
            f"the server {self._url} has broken off", "its log says why; say the same again"
        )

    def first_job(self, submitted: Submitted) -> JobTold | None:
        """How far the first job of a package is; None where no study has made one (as `submit`)."""
        with _told_in_words(self._url):
            path = f"workflows/{quote(submitted.name)}/{quote(submitted.digest)}/job"
            answer = requests.get(
                f"{self._url}/{path}", auth=Bearer(self._token), timeout=_SECONDS[0], allow_redirects=False
            )
            if answer.status_code == HTTPStatus.NO_CONTENT:
                return None
            self._require(answer, HTTPStatus.OK)
            return JobTold(**answer.json())

    def _require_takes(self, size_bytes: int, kind: dict[str, str]) -> None:
        """Ask before what may be gigabytes is sent: who is still sending reads no answer."""
        with _told_in_words(self._url, first=True):
            answer = requests.get(
                f"{self._url}/workflows",
                params=kind | {"bytes": str(size_bytes)},
                auth=Bearer(self._token),
                timeout=_SECONDS[0],
                allow_redirects=False,
            )
            self._require(answer, HTTPStatus.NO_CONTENT)

    def _require(self, answer: requests.Response, status: HTTPStatus) -> None:
        if answer.status_code == status:
            return
        said = " ".join(answer.text[:500].split()) or answer.reason
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise NotAllowed(
                f"the server {self._url} says: {said}",
                "have a token made there, ror token add NAME --project P --may submit, "
                "and give it by --token-file FILE or ror config --token -",
            )
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServiceUnavailable(f"the server {self._url} says: {said}", "say the same again later")
        raise ConfigurationError(
            f"the server {self._url} says: {said}",
            advice=_ADVICE.get(
                answer.status_code,
                "is it a ror serve with web.enabled, and does its address end with its port?",
            ),
        )


def followed(
    server: Server, submitted: Submitted, pause: Callable[[float], None]
) -> Iterator[JobTold | None]:
    """What becomes of the first job of a package, whenever it changes, until it ends; None while there is none."""
    before: JobTold | None = None
    first = True
    while True:
        now = server.first_job(submitted)
        if first or now != before:
            yield now
        if now is not None and now.state in ENDED:
            return
        before, first = now, False
        pause(_PATIENCE_S)


@contextmanager
def _told_in_words(url: str, *, first: bool = False) -> Iterator[None]:
    """What goes wrong, in words; who breaks off at the `first` question speaks no HTTP."""
    try:
        yield
    except (requests.RequestException, OSError) as error:
        raise _in_words(url, error, first=first) from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ServiceUnavailable(
            f"{url} does not answer as ror serve does", "is it one, of this release?"
        ) from error


def _in_words(url: str, error: Exception, *, first: bool) -> ServiceUnavailable:
    its_address = "is that its address (ror config --server URL), and does it run with web.enabled?"
    its_port = (
        "is that the port of its web (web.port), not that of DICOM? ror config --server URL sets another"
    )
    match error:
        case requests.exceptions.SSLError():
            return ServiceUnavailable(
                f"{url} has no TLS that can be trusted",
                "does it speak https, and is its certificate known here (REQUESTS_CA_BUNDLE names a file)?",
            )
        case requests.ConnectTimeout():
            return ServiceUnavailable(f"nobody answers at {url}", its_address)
        case requests.ConnectionError(args=[reason, *_]) if isinstance(
            getattr(reason, "reason", None), NewConnectionError
        ):
            return ServiceUnavailable(f"nobody answers at {url}", its_address)
        case requests.ConnectionError() | requests.Timeout() if first:
            return ServiceUnavailable(f"what listens at {url} does not answer as ror serve does", its_port)
        case requests.Timeout():
            return ServiceUnavailable(f"the server {url} says nothing any more", "its log says why")
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return ServiceUnavailable(
                f"the server {url} has broken off",
                "its log says why; is the package much larger than its web.max_package_mib?",
            )
    return ServiceUnavailable(f"the server {url} cannot be asked: {type(error).__name__}", its_address)
