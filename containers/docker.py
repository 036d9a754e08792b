"""Running a workflow in a Docker container: no network, nothing of the host but its two folders, and limits.

Its images are the matter of `docker_images`, and how the daemon is reached that of `docker_daemon`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, LogConfig, Mount
from requests.exceptions import RequestException

from containers.docker_daemon import gone_told, innermost
from containers.docker_images import DEFAULT_BASE, DockerImages, gone
from containers.docker_terms import (
    CARD_ADVICE,
    ENDED_BY_DAEMON,
    JOB_LABEL,
    code_of_refusal,
    container_settings,
    instant,
    outcome,
    user,
    wants_card,
)
from containers.errors import RuntimeUnavailable
from containers.folders import Growth, emptied
from containers.log_sink import LogSink
from containers.runtime import Ending, OnLine, Outcome, RunOrder

__all__ = ["DockerRuntime"]

_GRACE_SECONDS = 3
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 3
# Versions of Podman that do not say of a program that it was over its memory.
_PODMANS_SILENT_OF_MEMORY = range(1, 5)
_OTHER_CARDS = "Use Docker on hosts with cards, or gpu = false in workflow.toml."
_WITH_DAEMON = "the Docker daemon has stopped, and ended the program"


class DockerRuntime(DockerImages):
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

    def __init__(
        self,
        root: Path,
        base_image: str = DEFAULT_BASE,
        host: str | None = None,
        build_network: str = "none",
        wheels: Path | None = None,
    ) -> None:
        super().__init__(root, base_image, host, build_network, wheels)
        self._running: set[str] = set()
        self._stopped: set[str] = set()

    def run(self, order: RunOrder, on_line: OnLine | None = None) -> Outcome:
        """See `Runtime.run`. A container of the job that still runs is attached to, an ended one is read."""
        client = self._daemon.client()
        with gone_told(), LogSink(order.log_path, on_line) as log:
            self._running.add(order.job_id)
            try:
                container = _left_behind(client, order.job_id)
                if container:
                    if (
                        container.status == "created"
                    ):  # as Podman says, too, of one that ended with its machine
                        emptied(order.output_dir)
                    log.note(
                        f"an earlier run of this job left its container ({container.status}); taking it over"
                    )
                else:
                    container = _create(client, order, self._cards(order))
                return self._attend(container, order, log)
            finally:
                self._running.discard(order.job_id)
                self._stopped.discard(order.job_id)

    def stop(self, job_id: str) -> bool:
        """See `Runtime.stop`. A container that another process attends is stopped too."""
        if job_id in self._running:
            self._stopped.add(job_id)
            return True
        found = self._daemon.client().containers.list(filters={"label": f"{JOB_LABEL}={job_id}"})
        for container in found:
            container.stop(timeout=_GRACE_SECONDS)
        return bool(found)

    def _attend(self, container: Container, order: RunOrder, log: LogSink) -> Outcome:
        """See the container to its end and take it away. If the daemon left us, the next run adopts it."""
        try:
            try:
                attached = self._attached(container)
                refused = _start(container) if container.status == "created" else None
                if refused:
                    return refused
                ending = self._follow(container, order, log, attached)
                container.reload()
                told = outcome(container.attrs["State"], ending, order, tells_memory=self._tells_memory())
                if told.ending is Ending.TOO_MUCH_OUTPUT:  # which is no result, and others want the room
                    emptied(order.output_dir)
                if told.exit_code in ENDED_BY_DAEMON and not self._saw_end(container):
                    return dataclasses.replace(told, ending=Ending.LOST, exit_code=None, detail=_WITH_DAEMON)
                return told
            finally:
                container.remove(v=True, force=True)
        except RequestException as error:
            now = datetime.now(UTC)
            return Outcome(Ending.LOST, None, now, now, f"lost sight of the container: {innermost(error)}")

    def _saw_end(self, container: Container) -> bool:
        """Is the daemon that saw the container end there now? None is while it stops, and another after its restart.

        Asked over a connection of its own: a daemon that stops serves those it has, and takes no new ones. One that
        came after it has its containers, but not its events. Podman's containers depend on none.
        """
        if self._daemon.podman():
            return True
        try:
            with contextlib.closing(self._daemon.connected(_ANSWER_SECONDS)) as client:
                ends = {"container": container.id, "event": "die"}
                return any(client.events(since=0, until=int(time.time()) + 1, filters=ends))
        except (DockerException, RequestException):
            return False

    def _tells_memory(self) -> bool:
        return self._daemon.podman() not in _PODMANS_SILENT_OF_MEMORY

    def _cards(self, order: RunOrder) -> list[DeviceRequest]:
        cards = _cards(order)
        if cards and self._daemon.podman():  # which would start it without, and say nothing
            raise RuntimeUnavailable("Podman gives a program no card by this socket", _OTHER_CARDS)
        return cards

    def _attached(self, container: Container) -> Iterable[bytes] | None:
        """What a program that has not started will print, in Podman: of a log that it follows it loses lines."""
        if self._daemon.podman() and container.status == "created":
            return container.attach(stream=True)
        return None

    def _log_of(self, container: Container) -> Iterable[bytes]:
        """What a program prints, while it runs; in Podman when it has ended."""
        whole = bool(self._daemon.podman())
        if whole:
            container.wait(timeout=None)
        return container.logs(stream=True, follow=not whole)

    def _follow(
        self, container: Container, order: RunOrder, log: LogSink, attached: Iterable[bytes] | None
    ) -> Ending | None:
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
            for chunk in attached or self._log_of(container):
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


def _left_behind(client: docker.DockerClient, job_id: str) -> Container | None:
    """The container of an earlier run of the job, whose engine died before it took the container away."""
    found = client.containers.list(all=True, filters={"label": f"{JOB_LABEL}={job_id}"})
    return found[0] if found else None


def _create(client: docker.DockerClient, order: RunOrder, cards: list[DeviceRequest]) -> Container:
    try:
        image = client.images.get(order.image.digest)
    except ImageNotFound as error:
        raise gone(order.image) from error
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
            device_requests=cards,
            # Bounded on the host's disk; LogSink bounds what we keep.
            log_config=LogConfig(type="json-file", config={"max-size": "64m", "max-file": "1"}),
            **settings,
        )
    except APIError as error:
        twin = _left_behind(client, order.job_id) if error.status_code == 409 else None
        if twin is None:
            raise RuntimeUnavailable("Docker refuses the container", str(error.explanation)) from error
        return twin


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
        if wants_card(text):  # its words of a missing library look as those of a missing program
            raise RuntimeUnavailable(f"Docker cannot give the program a card: {text}", CARD_ADVICE) from error
        code = code_of_refusal(text)
        if code is None:
            raise RuntimeUnavailable("Docker cannot start the container", text) from error
        return Outcome(Ending.EXITED, code, started_at, datetime.now(UTC), f"exit code {code}: {text}")
    return None
