"""Workflows that their developers send: one is checked, built and enabled as by ``ror workflow add``, on record.

``POST /workflows`` takes a package as ``application/gzip`` and tells what happens line by line (NDJSON): ``told``, and
at last ``installed`` or ``refused``. ``GET /workflows?bytes=N`` says beforehand whether so much would be taken. Both
are asked with ``image=true`` where the package brings its image. ``GET /workflows/{name}/{digest}/job`` says how far
the first job of a package is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from containers import IMAGE_ARCHIVE, ContainersError, ImageArchive, Package, Runtime
from ror.app import App
from ror.errors import NotAllowed, RorError
from ror.registry import Token
from ror.web.access import SUBMISSIONS, token_of
from ror.web.body import Body
from ror.web.errors import PeerGone, Refusal
from ror.web.unpacking import Limit, unpacked
from select_lang import SelectError

__all__ = ["Submission"]

_log = logging.getLogger(__name__)
_MIB = 2**20
_KIND = "application/gzip"
_RUNS_IMAGES = "docker"
_SANDBOXED = frozenset({_RUNS_IMAGES})
_Line: TypeAlias = dict[str, Any]


class Submission:
    """Takes one package at a time; `close` when no more are to come."""

    def __init__(self, app: App) -> None:
        self._app = app
        web = app.settings.web
        self._folders = Limit("a package", web.max_package_mib, "web.max_package_mib")
        self._images = Limit("a package with its image", web.max_image_mib, "web.max_image_mib")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="submission")
        self._busy = False
        shutil.rmtree(app.home.submissions, ignore_errors=True)  # what a killed process has left

    def routes(self) -> list[Route]:
        """What is asked, below no other resource."""
        return [
            Route(SUBMISSIONS, self.submit, methods=["POST"]),
            Route(SUBMISSIONS, self.takes, methods=["GET"]),
            Route(f"{SUBMISSIONS}/{{name}}/{{digest}}/job", self.first_job, methods=["GET"]),
        ]

    def close(self) -> None:
        """Wait until what has begun is installed or refused."""
        self._thread.shutdown()

    async def submit(self, request: Request) -> Response:
        """Receive a package, and install it while the answer tells of it."""
        body = Body(request.receive)
        try:
            lines = await self._received(request, body)
        except PeerGone:
            raise
        except Refusal:
            await body.drain(self._folders.most_bytes)
            raise
        return StreamingResponse(_written(lines), media_type="application/x-ndjson")

    async def _received(self, request: Request, body: Body) -> asyncio.Queue[_Line | None]:
        token = token_of(request)
        if request.headers.get("content-type") != _KIND:
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {_KIND}: a .tar.gz of the package")
        limit = self._limit(request)
        size = int(request.headers.get("content-length") or limit.most_bytes)
        limit.require(size)
        self._require_idle()
        self._busy = True
        folder = None
        try:
            runtime = await run_in_threadpool(self._admitting, size, limit)
            folder = await run_in_threadpool(self._new_folder)
            await body.keep(folder / "body", limit.most_bytes, limit.too_large())
            package = await run_in_threadpool(self._unpacked, folder, limit)
        except BaseException:
            self._end(folder)
            raise
        matches = request.query_params.get("match") == "true"
        return self._begun(folder, package, token, runtime, matches)

    async def takes(self, request: Request) -> Response:
        """Whether a package of so many bytes would be taken now: 204, or why not."""
        told = request.query_params.get("bytes", "")
        if not told.isdecimal():
            raise Refusal(HTTPStatus.BAD_REQUEST, "say bytes=N, how large the archive is")
        limit = self._limit(request)
        limit.require(int(told))
        self._require_idle()
        await run_in_threadpool(self._admitting, int(told), limit)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def first_job(self, request: Request) -> Response:
        """How far the first job of a package is; 204 where none was made yet."""
        name, digest = request.path_params["name"], request.path_params["digest"]
        row = await run_in_threadpool(self._app.jobs.first_of, token_of(request).project, name, digest)
        if row is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        step = row.steps[-1].step if row.steps else ""
        told = {"job": row.job.id, "state": row.job.state, "step": step, "reason": row.reason}
        return JSONResponse(told)

    def _limit(self, request: Request) -> Limit:
        return self._images if request.query_params.get("image") == "true" else self._folders

    def _require_idle(self) -> None:
        if self._busy:
            again = {"Retry-After": "30"}
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "another workflow is being installed", again)

    def _admitting(self, size_bytes: int, limit: Limit) -> Runtime:
        """The runtime that a package of so many bytes gets, or why it cannot be taken."""
        runtime = self._app.runtime()
        if limit is self._images and runtime.name != _RUNS_IMAGES:
            raise Refusal(
                HTTPStatus.CONFLICT, f"the {runtime.name} runtime of this server runs no images; Docker does"
            )
        if runtime.name not in _SANDBOXED and not self._app.settings.web.unsandboxed_submissions:
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f"the {runtime.name} runtime of this server is no sandbox for programs that are sent: "
                "start Docker there, or set web.unsandboxed_submissions",
            )
        # Packed and unpacked, or unpacked and kept. An image is packed already; a folder may become larger.
        needed = 2 * self._folders.most_bytes + (2 * size_bytes if limit is self._images else 0)
        reserve = self._app.settings.listener.reserve_mib * _MIB
        if shutil.disk_usage(self._app.home.root).free < reserve + needed:
            raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, f"the server's disk is too full for {limit.what}")
        return runtime

    def _new_folder(self) -> Path:
        submissions = self._app.home.submissions
        submissions.mkdir(mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=submissions))

    def _unpacked(self, folder: Path, limit: Limit) -> Path:
        """The folder of the package; see `_admitting` for how large it may have become."""
        body = folder / "body"
        most = self._folders.most_bytes + (body.stat().st_size if limit is self._images else 0)
        package = unpacked(body, folder / "package", min(most, limit.most_bytes), limit)
        if limit is self._images and not (package / IMAGE_ARCHIVE).is_file():
            raise Refusal(HTTPStatus.BAD_REQUEST, f"it has no {IMAGE_ARCHIVE}; send what ror submit sends")
        return package

    def _end(self, folder: Path | None) -> None:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        self._busy = False

    def _begun(
        self, folder: Path, package: Path, token: Token, runtime: Runtime, matches: bool
    ) -> asyncio.Queue[_Line | None]:
        """Install a package, also where nobody listens any more; what is told of it, and None at the end."""
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[_Line | None] = asyncio.Queue()

        def tell(line: _Line | None) -> None:
            if not loop.is_closed():  # as the service stops, nobody listens any more
                loop.call_soon_threadsafe(lines.put_nowait, line)

        def install() -> None:
            end: _Line | None = None
            try:
                end = self._installed(package, token, runtime, matches, lambda told: tell({"told": told}))
            finally:
                self._end(folder)
                # Only now: whoever has read it may send the next one at once.
                if end is not None:
                    tell(end)
                tell(None)

        self._thread.submit(install).add_done_callback(_log_fault)
        return lines

    def _installed(
        self, folder: Path, token: Token, runtime: Runtime, matches: bool, told: Callable[[str], None]
    ) -> _Line:
        """As ``ror workflow add``, and on record; what is wrong is the sender's to mend."""

        def build(package: Package) -> None:
            self._require_new(token.project, package)
            if package.image_archive:
                ImageArchive.read(package.image_archive, self._images.most_bytes)
            image = runtime.prepare(package, report=told)
            told(f"{package.manifest.name} runs in {image.runtime} {image.reference}")

        try:
            workflow = self._app.workflows.add(token.project, folder, build)
            what = f"{workflow.name} {workflow.version} {workflow.digest}, by token {token.name}"
            self._app.who.audit.record("submit workflow", token.project, detail=what)
            queued = self._match(token.project) if matches else 0
        except (RorError, ContainersError, SelectError) as error:
            _log.info("a workflow that %s has sent is refused: %s", token.name, type(error).__name__)
            advice = str(getattr(error, "advice", "") or "")
            # A manifest's faults are told with the place of the file, which is ours, not the sender's.
            what = str(error).replace(f"{folder}/", "").replace(str(folder), "the archive")
            what = what.removesuffix(advice).rstrip()
            return {"refused": {"what": what, "advice": advice}}
        _log.info("%s has sent workflow %s", token.name, what)
        return {
            "installed": {
                "project": workflow.project,
                "name": workflow.name,
                "version": workflow.version,
                "digest": workflow.digest,
                "queued": queued,
            }
        }

    def _require_new(self, project: str, package: Package) -> None:
        """Refuse other content under a version that the project has: results name their program by it."""
        if taken := self._app.workflows.version_taken(project, package):
            raise NotAllowed(
                f"{project} has {taken.name} {taken.version} with other content, or packed in another way",
                "raise `version` in workflow.toml",
            )

    def _match(self, project: str) -> int:
        """Match the studies that the project holds, the first that came first; how many jobs that makes."""
        held = tuple(row.study_uid for row in reversed(self._app.index.studies(project)))
        return sum(len(one.jobs) for one in self._app.matcher.match_again(held))


async def _written(lines: asyncio.Queue[_Line | None]) -> AsyncIterator[str]:
    while (line := await lines.get()) is not None:
        yield json.dumps(line) + "\n"


def _log_fault(done: Future[None]) -> None:
    """A fault of ours: who has sent the package is told nothing more, and the log has it."""
    if error := done.exception():
        _log.error("a submission has failed", exc_info=error)
