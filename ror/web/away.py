"""What hosts without the shared folder ask for: the packages of their jobs; and the outputs that they bring.

``GET /jobs`` says whose token it is. ``GET /jobs/{job}/package`` gives the workflow as an archive (tar).
``PUT /jobs/{job}/output?attempt=N`` takes one of ``output`` and ``log``, with its SHA-256 in Content-Digest (RFC 9530);
it may come twice, and counts only from the host that has this attempt at the job.
"""

from __future__ import annotations

import base64
import binascii
import logging
import shutil
import tempfile
from http import HTTPStatus
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ror import __version__
from ror.app import App
from ror.engine import AwayJobs, Hold, take_in
from ror.packing import BadArchive, Packed, TooLarge, unpack
from ror.web.access import JOBS, token_of
from ror.web.body import Body
from ror.web.errors import PeerGone, Refusal

__all__ = ["Away"]

_log = logging.getLogger(__name__)
_MIB = 2**20
_MOST_ENTRIES = 200_000
# Beside what a program may write: its log, which the runtimes cut at 50 MiB, and the heads of files.
_BESIDES = 128 * _MIB
_DRAINED = 64 * _MIB
_SHA256 = "sha-256=:"


class Away:
    """Answers hosts whose token has let them in."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._jobs = AwayJobs(app.database)
        shutil.rmtree(app.home.coming, ignore_errors=True)  # what a killed process has left

    def routes(self) -> list[Route]:
        """What is asked, below no other resource."""
        return [
            Route(JOBS, self.hello, methods=["GET"]),
            Route(f"{JOBS}/{{job}}/package", self.package, methods=["GET"]),
            Route(f"{JOBS}/{{job}}/output", self.take, methods=["PUT"]),
        ]

    def hello(self, request: Request) -> Response:
        """Whose token it is, and which release answers."""
        return JSONResponse({"host": token_of(request).host, "release": __version__})

    def package(self, request: Request) -> Response:
        """The package of a job that the host has been given."""
        job_id = str(request.path_params["job"])
        if job_id not in self._jobs.of_host(token_of(request).host):
            raise _not_theirs()
        job = self._app.jobs.get(job_id)
        package = self._app.workflows.package(job.workflow, job.package_digest)
        files = [(path.relative_to(package.folder).as_posix(), path) for path in package.files()]
        packed = Packed(files)
        length = {"Content-Length": str(len(packed))}
        return StreamingResponse(iter(packed), media_type="application/x-tar", headers=length)

    async def take(self, request: Request) -> Response:
        """Take in what the program of a job has written."""
        body = Body(request.receive)
        try:
            await self._take(request, body)
        except PeerGone:
            raise
        except Refusal:
            await body.drain(_DRAINED)
            raise
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _take(self, request: Request, body: Body) -> None:
        host, hold, sha256 = token_of(request).host, _hold_of(request), _sha256_of(request)
        if not await run_in_threadpool(self._jobs.has, hold, host):
            raise _not_theirs()
        most = await run_in_threadpool(self._most_bytes, hold.job_id)
        length = int(request.headers.get("content-length") or 0)
        if length > most:
            raise _too_large(most)
        folder = await run_in_threadpool(self._new_folder, length)
        try:
            came = await body.keep(folder / "body", most, _too_large(most))
            if came != sha256:
                told = "it has come otherwise than it was sent; send it again"
                raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, told)
            await run_in_threadpool(self._take_in, folder, hold, host, most)
        finally:
            await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
        _log.info("job %s: host %s has sent its output, %d MiB", hold.job_id, host, length // _MIB)

    def _most_bytes(self, job_id: str) -> int:
        job = self._app.jobs.get(job_id)
        manifest = self._app.workflows.package(job.workflow, job.package_digest).manifest
        return manifest.resources.output_mib * _MIB + _BESIDES

    def _new_folder(self, length: int) -> Path:
        coming = self._app.home.coming
        coming.mkdir(mode=0o700, parents=True, exist_ok=True)
        reserve = self._app.settings.listener.reserve_mib * _MIB
        if shutil.disk_usage(coming).free < reserve + 2 * length:
            raise _no_room()
        return Path(tempfile.mkdtemp(dir=coming))

    def _take_in(self, folder: Path, hold: Hold, host: str, most_bytes: int) -> None:
        came, body = folder / "came", folder / "body"
        try:
            unpack(body, came, most_bytes, _MOST_ENTRIES)
        except TooLarge as error:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from error
        except BadArchive as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
        except OSError as error:
            raise _no_room() from error
        with self._jobs.kept(hold, host) as is_kept:
            if not is_kept:
                raise _not_theirs()
            take_in(came, self._app.home.job(hold.job_id), host)


def _hold_of(request: Request) -> Hold:
    attempt = request.query_params.get("attempt", "")
    if not attempt.isdecimal():
        raise Refusal(HTTPStatus.BAD_REQUEST, "say ?attempt= with a number")
    return Hold(str(request.path_params["job"]), int(attempt))


def _sha256_of(request: Request) -> str:
    said = request.headers.get("content-digest", "")
    try:
        if not (said.startswith(_SHA256) and said.endswith(":")):
            raise binascii.Error
        return base64.b64decode(said.removeprefix(_SHA256)[:-1], validate=True).hex()
    except binascii.Error as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "say Content-Digest: sha-256=:…: (RFC 9530)") from error


def _not_theirs() -> Refusal:
    return Refusal(HTTPStatus.CONFLICT, "the job was given to another host, or has ended")


def _too_large(most_bytes: int) -> Refusal:
    told = f"more than {most_bytes // _MIB} MiB, what [resources] output_mib of the workflow allows"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)


def _no_room() -> Refusal:
    return Refusal(HTTPStatus.INSUFFICIENT_STORAGE, "the disk of the gateway is too full")
