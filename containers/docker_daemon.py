"""A Docker daemon: how it is reached, and what is said when it is not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import docker
from docker.constants import DEFAULT_TIMEOUT_SECONDS
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from containers.errors import RuntimeUnavailable

__all__ = ["Daemon", "gone_told", "innermost"]

_PODMAN = "Podman Engine"


class Daemon:
    """The daemon at `host`; without one, at DOCKER_HOST, else ``unix:///var/run/docker.sock``."""

    def __init__(self, host: str | None) -> None:
        self.host = host
        self._known_client: docker.DockerClient | None = None
        self._known_podman: int | None = None

    def client(self) -> docker.DockerClient:
        """A connection that has answered once; `RuntimeUnavailable` where none does."""
        if self._known_client is None:
            try:
                client = self.connected()
                client.ping()
            except (DockerException, RequestException) as error:
                where = self.host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
                raise RuntimeUnavailable(
                    f"no Docker daemon answers at {where}: {innermost(error)}",
                    "Start Docker (systemctl start docker), and let this user use it (group docker).",
                ) from error
            self._known_client = client
        return self._known_client

    def podman(self) -> int:
        """The major version of the Podman that is behind the socket; 0 if it is Docker itself."""
        if self._known_podman is None:
            told = self.client().version()
            is_podman = any(part["Name"] == _PODMAN for part in told.get("Components", ()))
            self._known_podman = int(told["Version"].partition(".")[0]) if is_podman else 0
        return self._known_podman

    def connected(self, timeout_s: int = DEFAULT_TIMEOUT_SECONDS) -> docker.DockerClient:
        """A new connection, nothing asked yet."""
        if self.host:
            return docker.DockerClient(base_url=self.host, timeout=timeout_s)
        return docker.from_env(timeout=timeout_s)


@contextlib.contextmanager
def gone_told() -> Iterator[None]:
    """A daemon that answered before and does not now: waiting helps."""
    try:
        yield
    except RequestException as error:
        raise RuntimeUnavailable(
            f"the Docker daemon has gone: {innermost(error)}", "Start it again (systemctl start docker)."
        ) from error


def innermost(error: BaseException) -> str:
    """The one sentence that says what is wrong, below the wrappers of three libraries."""
    while inner := error.__cause__ or error.__context__:
        if isinstance(error, APIError) and error.explanation:
            return str(error.explanation)  # the daemon's own words; below is the HTTP that they came by
        error = inner
    return str(error)
