"""Running a workflow in a Docker container: no network, nothing of the host but its two folders, and limits.

The only place that imports the docker SDK.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from docker.constants import DEFAULT_TIMEOUT_SECONDS
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.containers import Container
from docker.models.images import Image as DockerImage
from docker.types import DeviceRequest, LogConfig, Mount
from requests.exceptions import RequestException

from containers.build_context import build_context, takes_base
from containers.docker_terms import (
    ENDED_BY_DAEMON,
    JOB_LABEL,
    container_settings,
    instant,
    outcome,
    repository,
    user,
)
from containers.errors import AdvisedError, ImageError, RuntimeUnavailable
from containers.folders import Growth, emptied
from containers.log_sink import LogSink
from containers.once import exclusive
from containers.package import Package
from containers.requirements import default_wheels, last_words, wheels_for
from containers.runtime import Availability, Ending, Image, OnLine, Outcome, Report, RunOrder

__all__ = ["DockerRuntime"]

_DEFAULT_BASE = "python:3.11-slim-bookworm"
_BASE_LABEL = "ror.base"
_GRACE_SECONDS = 3
_LOOK_SECONDS = 0.1
_BUILD_SECONDS = 3600
_ANSWER_SECONDS = 3
_FAST = 1  # of gzip: an image has gigabytes, and the highest takes ten times as long for a tenth less
_KEPT_LINES = 100
# Lines of a build that no command of its Dockerfile has printed.
_OF_THE_BUILDER = (" ---> ", "Step ", "Removing intermediate container")
_WITH_DAEMON = "the Docker daemon has stopped, and ended the program"


class DockerRuntime:
    """Meets `Runtime` with a Docker daemon on this machine.

    The program runs as a user that is not root and owns nothing, so the data folder must be readable by
    everybody; the output folder is given to that user.

    Parameters
    ----------
    root
        A folder of its own: ``wheels/`` and locks.
    base_image
        What images are built on: Python 3.11 with venv.
    host
        The daemon's socket. Default: DOCKER_HOST, else ``unix:///var/run/docker.sock``.
    build_network
        Network of a build. "none" by default: all a build needs is in its context.
    wheels
        Take requirements from this folder only, without network. Default: ROR_WHEELS.
    """

    name = "docker"

    def __init__(
        self,
        root: Path,
        base_image: str = _DEFAULT_BASE,
        host: str | None = None,
        build_network: str = "none",
        wheels: Path | None = None,
    ) -> None:
        self._root = root.resolve()
        self._base = base_image
        self._host = host
        self._build_network = build_network
        self._wheels = wheels or default_wheels()
        self._known_client: docker.DockerClient | None = None
        self._running: set[str] = set()
        self._stopped: set[str] = set()

    def availability(self) -> Availability:
        """See `Runtime.availability`."""
        try:
            with _gone_told():
                return Availability(True, lacks=_lacking(self._client(), self._base))
        except RuntimeUnavailable as error:
            return Availability(False, str(error))

    def prepare(self, package: Package, report: Report = print) -> Image:
        """See `Runtime.prepare`."""
        with _gone_told():
            return self._prepare(package, report)

    def _prepare(self, package: Package, report: Report) -> Image:
        client = self._client()
        if package.docker_image:
            image = _present_or_pulled(
                client, package.docker_image, report, ImageError, "Load it with docker load."
            )
            return Image(self.name, package.docker_image, str(image.id))
        reference = _reference(package)
        # Two workers may want it at once; the second finds what the first has built.
        with exclusive(self._root / "images" / f"{package.digest}.lock"):
            built = _built(client, reference, self._base) or self._build(client, package, reference, report)
        return Image(self.name, reference, str(built.id))

    def run(self, order: RunOrder, on_line: OnLine | None = None) -> Outcome:
        """See `Runtime.run`. A container of the job that still runs is attached to, an ended one is read."""
        client = self._client()
        with _gone_told(), LogSink(order.log_path, on_line) as log:
            self._running.add(order.job_id)
            try:
                container = _left_behind(client, order.job_id)
                if container:
                    log.note(
                        f"an earlier run of this job left its container ({container.status}); taking it over"
                    )
                else:
                    container = _create(client, order)
                return self._attend(container, order, log)
            finally:
                self._running.discard(order.job_id)
                self._stopped.discard(order.job_id)

    def stop(self, job_id: str) -> bool:
        """See `Runtime.stop`. A container that another process attends is stopped too."""
        if job_id in self._running:
            self._stopped.add(job_id)
            return True
        found = self._client().containers.list(filters={"label": f"{JOB_LABEL}={job_id}"})
        for container in found:
            container.stop(timeout=_GRACE_SECONDS)
        return bool(found)

    def size_bytes(self, image: Image) -> int:
        """How large an image is, with all below it (`ImageError` if it is gone)."""
        with _gone_told():
            return int(self._image(image).attrs["Size"])

    def tag(self, image: Image, name: str) -> None:
        """Give an image another name, ``NAME`` or ``NAME:TAG`` (`ImageError` if it can have none such)."""
        with _gone_told():
            try:
                self._image(image).tag(name)
            except APIError as error:
                raise ImageError(
                    f"an image cannot be called {name}: {error.explanation}", "Lower case: model:1.0."
                ) from error

    def save(self, image: Image, name: str, archive: Path) -> None:
        """Write an image under one of its names into a ``.tar.gz``, which `docker load` reads.

        Raises
        ------
        ImageError
            The image is gone.
        OSError
            The archive cannot be written; there is none then.
        """
        new = archive.with_name(f".{archive.name}.new")
        try:
            with _gone_told(), gzip.open(new, "wb", compresslevel=_FAST) as file:
                for chunk in self._image(image).save(named=name):
                    file.write(chunk)
            new.replace(archive)
        finally:
            new.unlink(missing_ok=True)

    def push(self, image: Image, name: str, report: Report = print) -> str:
        """Send an image to the registry that its name begins with; the digest that it has there.

        Raises
        ------
        ImageError
            It can have no such name, or the registry is not there or refuses it.
        """
        self.tag(image, name)
        digest = ""
        with _gone_told():
            for answer in self._client().api.push(name, stream=True, decode=True):
                if "error" in answer:
                    raise ImageError(
                        f"{name} cannot be pushed: {answer['error']}",
                        f"Is that the registry's name, and do you have access (docker login {name.split('/')[0]})?",
                    )
                if answer.get("status") in ("Pushed", "Layer already exists"):
                    report(f"{answer.get('id', '')}: {answer['status'].lower()}")
                digest = answer.get("aux", {}).get("Digest", digest)
        return digest

    def base(self, report: Report = print) -> Image:
        """The image that others are built on, pulled where it is not on this machine (else `RuntimeUnavailable`)."""
        with _gone_told():
            found = _base_present_or_pulled(self._client(), self._base, report)
        return Image(self.name, self._base, str(found.id))

    def import_root(self, archive: Path, name: str) -> Image:
        """Make an image of the root of a system, a tar archive that may be compressed (`ImageError` if it is none)."""
        repository, _, tag = name.partition(":")
        with _gone_told():
            client = self._client()
            try:
                client.api.import_image_from_file(str(archive), repository=repository, tag=tag or "latest")
                found = client.images.get(name)
            except APIError as error:
                raise ImageError(
                    f"{archive.name} is no root of a system: {error.explanation}", "Make it again."
                ) from error
        return Image(self.name, name, str(found.id))

    def has_image(self, package: Package) -> bool:
        """Whether an image was built of a package, and is there still."""
        with _gone_told():
            try:
                self._client().images.get(_reference(package))
            except ImageNotFound:
                return False
        return not package.docker_image

    def discard(self, package: Package) -> bool:
        """Remove the image that was built of a package; False if there is none, or a container needs it.

        One that the package names itself is not ours to remove. `prepare` builds it anew.
        """
        if package.docker_image:
            return False
        with _gone_told(), exclusive(self._root / "images" / f"{package.digest}.lock"):
            try:
                self._client().images.remove(_reference(package))
            except ImageNotFound:
                return False
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise RuntimeUnavailable(f"the image stays: {error.explanation}", "") from error
                return False
        return True

    def _image(self, image: Image) -> DockerImage:
        try:
            return self._client().images.get(image.digest)
        except ImageNotFound as error:
            raise _gone(image) from error

    def _client(self) -> docker.DockerClient:
        if self._known_client is None:
            try:
                client = self._connected()
                client.ping()
            except (DockerException, RequestException) as error:
                where = self._host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
                raise RuntimeUnavailable(
                    f"no Docker daemon answers at {where}: {_innermost(error)}",
                    "Start Docker (systemctl start docker), and let this user use it (group docker).",
                ) from error
            self._known_client = client
        return self._known_client

    def _build(
        self, client: docker.DockerClient, package: Package, reference: str, report: Report
    ) -> DockerImage:
        base = {"BASE": self._base} if takes_base(package) else {}
        if base:
            _base_present_or_pulled(client, self._base, report)
        wheels = wheels_for(package, self._root, self._wheels, client.info()["Architecture"], report)
        report(f"building {reference}")
        with build_context(package, wheels) as context:
            answers = client.api.build(
                fileobj=context,
                custom_context=True,
                tag=reference,
                buildargs=base,
                labels={_BASE_LABEL: self._base, "ror.package": package.digest},
                network_mode=self._build_network,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=_BUILD_SECONDS,
            )
            _read_build(answers, reference, report)
        return client.images.get(reference)

    def _attend(self, container: Container, order: RunOrder, log: LogSink) -> Outcome:
        """See the container to its end and take it away. If the daemon left us, the next run adopts it."""
        try:
            try:
                refused = _start(container) if container.status == "created" else None
                if refused:
                    return refused
                ending = self._follow(container, order, log)
                container.reload()
                told = outcome(container.attrs["State"], ending, order)
                if told.ending is Ending.TOO_MUCH_OUTPUT:  # which is no result, and others want the room
                    emptied(order.output_dir)
                if told.exit_code in ENDED_BY_DAEMON and not self._saw_end(container):
                    return dataclasses.replace(told, ending=Ending.LOST, exit_code=None, detail=_WITH_DAEMON)
                return told
            finally:
                container.remove(v=True, force=True)
        except RequestException as error:
            now = datetime.now(UTC)
            return Outcome(Ending.LOST, None, now, now, f"lost sight of the container: {_innermost(error)}")

    def _saw_end(self, container: Container) -> bool:
        """Is the daemon that saw the container end there now? None is while it stops, and another after its restart.

        Asked over a connection of its own: a daemon that stops serves those it has, and takes no new ones. One that
        came after it has its containers, but not its events.
        """
        try:
            with contextlib.closing(self._connected(_ANSWER_SECONDS)) as client:
                ends = {"container": container.id, "event": "die"}
                return any(client.events(since=0, until=int(time.time()) + 1, filters=ends))
        except (DockerException, RequestException):
            return False

    def _connected(self, timeout_s: int = DEFAULT_TIMEOUT_SECONDS) -> docker.DockerClient:
        if self._host:
            return docker.DockerClient(base_url=self._host, timeout=timeout_s)
        return docker.from_env(timeout=timeout_s)

    def _follow(self, container: Container, order: RunOrder, log: LogSink) -> Ending | None:
        """Pass on what the program prints until it ends; end it over time or when told, and say why."""
        container.reload()
        started_at = instant(container.attrs["State"]["StartedAt"])
        # By the clock, not monotonic: an adopted container has been running since before this process.
        deadline = started_at.timestamp() + order.limits.timeout_s
        ended = threading.Event()
        reasons: list[Ending] = []
        guard = threading.Thread(target=self._guard, args=(container, order, deadline, ended, reasons))
        guard.start()
        try:
            for chunk in container.logs(stream=True, follow=True):
                log.feed(chunk)
            # A program may close its output long before it ends.
            container.wait(timeout=None)
        finally:
            ended.set()
            guard.join()
        return reasons[0] if reasons else None

    def _guard(
        self,
        container: Container,
        order: RunOrder,
        deadline: float,
        ended: threading.Event,
        reasons: list[Ending],
    ) -> None:
        """End the container over a limit or when told; a thread of its own, since reading its output blocks."""
        growth = Growth(order.limits.output_mib, order.output_dir)
        while not ended.wait(_LOOK_SECONDS):
            if reason := self._reason_to_end(order.job_id, deadline, growth):
                reasons.append(reason)
                grace = 0 if reason is Ending.TOO_MUCH_OUTPUT else _GRACE_SECONDS
                # If the daemon is gone, the thread that reads the output finds out too, and tells.
                with contextlib.suppress(RequestException):
                    container.stop(timeout=grace)
                return

    def _reason_to_end(self, job_id: str, deadline: float, growth: Growth) -> Ending | None:
        if job_id in self._stopped:
            return Ending.STOPPED
        if time.time() > deadline:
            return Ending.TIMED_OUT
        return Ending.TOO_MUCH_OUTPUT if growth.is_over() else None


@contextlib.contextmanager
def _gone_told() -> Iterator[None]:
    """A daemon that answered before and does not now: waiting helps."""
    try:
        yield
    except RequestException as error:
        raise RuntimeUnavailable(
            f"the Docker daemon has gone: {_innermost(error)}", "Start it again (systemctl start docker)."
        ) from error


def _reference(package: Package) -> str:
    """The name of the image that is built of a package."""
    return f"ror/{repository(package.manifest.name)}:{package.digest[:12]}"


def _left_behind(client: docker.DockerClient, job_id: str) -> Container | None:
    """The container of an earlier run of the job, whose engine died before it took the container away."""
    found = client.containers.list(all=True, filters={"label": f"{JOB_LABEL}={job_id}"})
    return found[0] if found else None


def _create(client: docker.DockerClient, order: RunOrder) -> Container:
    try:
        image = client.images.get(order.image.digest)
    except ImageNotFound as error:
        raise _gone(order.image) from error
    uid, gid = user()
    emptied(order.output_dir)
    if os.geteuid() == 0:
        os.chown(order.output_dir, uid, gid)
    settings = container_settings(order, image.labels, client.info()["NCPU"])
    try:
        return client.containers.create(
            order.image.digest,
            mounts=[
                Mount("/data", str(order.data_dir.resolve()), type="bind", read_only=True),
                Mount("/output", str(order.output_dir.resolve()), type="bind"),
            ],
            device_requests=_cards(order),
            # Bounded on the host's disk; LogSink bounds what we keep.
            log_config=LogConfig(type="json-file", config={"max-size": "64m", "max-file": "1"}),
            **settings,
        )
    except APIError as error:
        twin = _left_behind(client, order.job_id) if error.status_code == 409 else None
        if twin is None:
            raise RuntimeUnavailable("Docker refuses the container", str(error.explanation)) from error
        return twin


def _gone(image: Image) -> ImageError:
    return ImageError(f"the image {image.reference} is gone", "Prepare the package again.")


def _cards(order: RunOrder) -> list[DeviceRequest]:
    """The cards that the order names, else any one where it asks for one."""
    if order.gpus:
        return [DeviceRequest(device_ids=list(order.gpus), capabilities=[["gpu"]])]
    any_one = order.gpus is None and order.limits.gpu
    return [DeviceRequest(count=1, capabilities=[["gpu"]])] if any_one else []


def _start(container: Container) -> Outcome | None:
    """Start it; an outcome if there is no such program, as a shell would tell it."""
    started_at = datetime.now(UTC)
    try:
        container.start()
    except APIError as error:
        text = str(error.explanation)
        if "permission denied" in text:
            code = 126
        elif "not found" in text or "no such file" in text:
            code = 127
        else:
            raise RuntimeUnavailable("Docker cannot start the container", text) from error
        return Outcome(Ending.EXITED, code, started_at, datetime.now(UTC), f"exit code {code}: {text}")
    return None


def _built(client: docker.DockerClient, reference: str, base: str) -> DockerImage | None:
    try:
        image = client.images.get(reference)
    except ImageNotFound:
        return None
    return image if image.labels.get(_BASE_LABEL) == base else None


def _lacking(client: docker.DockerClient, base: str) -> str:
    try:
        client.images.get(base)
    except ImageNotFound:
        return (
            f"the base image {base} is not on this machine: docker pull {base}, or docker load a copy of it"
        )
    return ""


def _present_or_pulled(
    client: docker.DockerClient, reference: str, report: Report, fault: type[AdvisedError], advice: str
) -> DockerImage:
    """The image, got from its registry where it is not on this machine; `fault` where it cannot be."""
    try:
        return client.images.get(reference)
    except ImageNotFound:
        report(f"pulling {reference}")
    try:
        return client.images.pull(reference)
    except (DockerException, RequestException) as error:
        raise fault(
            f"the image {reference} is not on this machine and cannot be pulled: {_innermost(error)}",
            f"Get it where there is internet (docker pull, docker save) and docker load it here. {advice}",
        ) from error


def _base_present_or_pulled(client: docker.DockerClient, base: str, report: Report) -> DockerImage:
    # Nothing is wrong with a package: it can be prepared as soon as the operator has got the image.
    advice = (
        "Or make one by `ror base build slim`, or set engine.base_image to one with Python 3.11 and venv."
    )
    return _present_or_pulled(client, base, report, RuntimeUnavailable, advice)


def _read_build(answers: Iterable[dict[str, Any]], reference: str, report: Report) -> None:
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    for answer in answers:
        for line in str(answer.get("stream", "")).rstrip().splitlines():
            report(line)
            if not line.startswith(_OF_THE_BUILDER):
                said.append(line)
        if "error" in answer:
            # All lines have been reported.
            raise ImageError(
                f"{reference} cannot be built: {answer['error']}: {last_words(said)}",
                "Mend the Dockerfile. A build has no network; wheels of requirements.txt are in wheels/.",
            )


def _innermost(error: BaseException) -> str:
    """The one sentence that says what is wrong, below the wrappers of three libraries."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error)
