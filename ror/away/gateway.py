"""`ror serve` as a host without the shared folder sees it (what it asks there: `ror.web.away`, and WADO-RS)."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import requests

from orthanc import DicomWeb, PeerError, Tls
from ror.bearer import Bearer
from ror.config import EngineSettings
from ror.errors import ConfigurationError, JobFailed, NotAllowed, ServiceUnavailable
from ror.overheard import is_overheard
from ror.packing import Packed

__all__ = ["TOKEN_VARIABLE", "Gateway", "gateway_of"]

TOKEN_VARIABLE = "ROR_GATEWAY_TOKEN"
_SECONDS = 60.0
# The gateway unpacks all of an output before it answers.
_UNPACK_SECONDS = 1800.0
_CHUNK_BYTES = 256 * 1024
_MAKE_ONE = "make one there: ror token add {0} --host {0}; give it by --token-file, or ROR_GATEWAY_TOKEN"
_IS_IT_ONE = "is engine.gateway its address, and does it run `ror serve` with web.enabled, of this release?"


class Gateway:
    """What a host asks of its gateway; of many threads.

    Whatever may pass, and whatever is the gateway's or its operators', is `ServiceUnavailable`: no job fails for it.
    """

    def __init__(self, url: str, token: str, ca: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._tls = Tls(ca) if url.startswith("https:") else None

    def __str__(self) -> str:
        return f"the gateway {self._url}"

    @property
    def is_overheard(self) -> bool:
        """Whether token and studies go over a network in plain text."""
        return is_overheard(self._url)

    def require(self, host: str) -> str:
        """Ask whether it knows us as `host`; returns its release.

        Raises
        ------
        ConfigurationError, NotAllowed, ServiceUnavailable
            Its certificate cannot be trusted, the token is another host's or none, nobody answers; with what to do.
        """
        with self._asked("GET", "/jobs") as answer:
            status = answer.status_code
            if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise NotAllowed(f"{self} does not take our token for that of a host", _MAKE_ONE.format(host))
            try:
                told = answer.json() if status == HTTPStatus.OK else {}
            except requests.JSONDecodeError:
                told = {}
        if not isinstance(told, dict) or "host" not in told:
            raise ConfigurationError(
                f"{self} answers {status}, as no gateway of ours does", advice=_IS_IT_ONE
            )
        if told["host"] != host:
            raise NotAllowed(
                f"our token is that of host {told['host']}, and this one is {host}",
                f"say --name {told['host']}, or {_MAKE_ONE.format(host)}",
            )
        return str(told.get("release", ""))

    def package(self, job_id: str, file: Path) -> None:
        """Fetch the workflow of a job, as an archive, into a new file."""
        with (
            self._asked("GET", f"/jobs/{quote(job_id)}/package", stream=True) as answer,
            file.open("xb") as to,
            self._in_words(),
        ):
            self._require(answer, HTTPStatus.OK)
            for piece in answer.iter_content(_CHUNK_BYTES):
                to.write(piece)

    def objects(
        self,
        study_uid: str,
        series_uid: str,
        take: Callable[[Iterator[bytes]], object],
        sop_uids: Sequence[str] = (),
    ) -> None:
        """Fetch the objects of a series as they are held, or some of them (WADO-RS); `take` gets the pieces of each."""
        url = f"{self._url}/dicom-web"
        try:
            with DicomWeb(url, token=self._token, timeout_seconds=_SECONDS, tls=self._tls) as web:
                for sop_uid in sop_uids or ("",):
                    web.get_series(study_uid, series_uid, take, sop_uid)
        except PeerError as error:
            raise ServiceUnavailable(f"{self} does not give the images: {error}", _IS_IT_ONE) from error

    def bring(self, job_id: str, attempt: int, packed: Packed) -> None:
        """Bring what a job has made; when this returns, the gateway has it.

        Raises
        ------
        JobFailed
            It is more than it may be, or of what no output can be.
        """
        digest = base64.b64encode(bytes.fromhex(packed.sha256)).decode("ascii")
        headers = {"Content-Digest": f"sha-256=:{digest}:", "Content-Type": "application/x-tar"}
        path = f"/jobs/{quote(job_id)}/output?attempt={attempt}"
        with self._asked("PUT", path, packed, headers, seconds=_UNPACK_SECONDS) as answer:
            self._require(answer, HTTPStatus.NO_CONTENT)

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        body: Packed | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        stream: bool = False,
        seconds: float = _SECONDS,
    ) -> Iterator[requests.Response]:
        with self._in_words():
            answer = requests.request(
                method,
                self._url + path,
                data=body,
                headers=dict(headers or {}),
                auth=Bearer(self._token),
                timeout=(_SECONDS, seconds),
                stream=stream,
                allow_redirects=False,
                **(self._tls.of_requests() if self._tls is not None else {}),
            )
        with answer:
            yield answer

    def _require(self, answer: requests.Response, status: HTTPStatus) -> None:
        if answer.status_code == status:
            return
        said = " ".join(answer.text[:300].split()) or answer.reason
        if answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            raise JobFailed(f"{self} does not take the output: {said}")
        raise ServiceUnavailable(f"{self} answers {answer.status_code}: {said}", "its log says more")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except PeerError as error:  # of our own files of TLS
            raise ServiceUnavailable(f"engine.gateway_ca: {error}", "name a file of PEM") from error
        except requests.exceptions.SSLError as error:
            raise ServiceUnavailable(
                f"{self} has a certificate that is not trusted here, or speaks no TLS",
                "name the authority that has signed it in engine.gateway_ca (PEM), and the host as it does",
            ) from error
        except requests.Timeout as error:
            raise ServiceUnavailable(f"{self} does not answer in time", _IS_IT_ONE) from error
        except (requests.exceptions.MissingSchema, requests.exceptions.InvalidURL) as error:
            raise ConfigurationError(
                f"engine.gateway is no address: {self._url}", advice=_IS_IT_ONE
            ) from error
        except requests.RequestException as error:
            told = f"{self} does not answer, or has broken off ({type(error).__name__})"
            raise ServiceUnavailable(told, _IS_IT_ONE) from error


def gateway_of(settings: EngineSettings) -> Gateway:
    """The gateway of the settings.

    Raises
    ------
    ConfigurationError
        There is no token for it, or its file cannot be read.
    """
    ca = Path(settings.gateway_ca) if settings.gateway_ca else None
    return Gateway(settings.gateway, _token_of(settings), ca)


def _token_of(settings: EngineSettings) -> str:
    file = settings.gateway_token_file
    try:
        token = Path(file).read_text("ascii") if file else os.environ.get(TOKEN_VARIABLE, "")
    except (OSError, UnicodeDecodeError) as error:
        told = f"the file {file} of engine.gateway_token_file cannot be read"
        raise ConfigurationError(
            told, advice="correct --token-file; it holds the token, and nothing else"
        ) from error
    if not token.strip():
        raise ConfigurationError(
            "there is no token for the gateway", advice=_MAKE_ONE.format(settings.executor_id)
        )
    return token.strip()
