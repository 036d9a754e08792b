"""A real Docker daemon for tests: the one that runs already, else one of our own that ends with the tests.

Our own needs root and Debian's docker.io, keeps all it has in a temporary folder, and makes no network: containers of
workflows have none. The base image is Debian with Python, made by debootstrap; the archive of it is kept in
``$XDG_CACHE_HOME/ror-tests`` so that the next session takes seconds.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

__all__ = ["BASE_IMAGE", "NoDocker", "OwnDaemon", "bring_base_image"]

BASE_IMAGE = "ror-base:bookworm"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ror-tests"
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class NoDocker(Exception):
    """Why there is no Docker here; tests are skipped with this sentence."""


@contextlib.contextmanager
def _docker_daemon() -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if not _answers(host):
            host = stack.enter_context(_own_daemon()).address
        bring_base_image(host)
        yield host


def _answers(host: str) -> bool:
    try:
        client = docker.DockerClient(base_url=host)
        client.ping()
    except DockerException:
        return False
    return True


class OwnDaemon:
    """A daemon that a test may stop and start again, as an administrator does; it keeps its images and containers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.address = f"unix://{folder}/docker.sock"

    @classmethod
    @contextlib.contextmanager
    def run(cls) -> "Iterator[OwnDaemon]":
        """Start one that ends with the block, with the base image.

        Raises
        ------
        NoDocker
            It cannot be started here, or there is no way to the base image.
        """
        with _own_daemon() as own:
            bring_base_image(own.address)
            yield own

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = ["dockerd", "--host", self.address, "--pidfile", self._folder / "pid"]
        command += ["--data-root", self._folder / "data", "--exec-root", self._folder / "exec"]
        command += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "PATH": _PATH},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _wait_until_it_listens(self._process)

    def stop(self) -> None:
        """Stop it, and with it its containers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)


@contextlib.contextmanager
def _own_daemon() -> Iterator[OwnDaemon]:
    if os.geteuid() != 0 or shutil.which("dockerd", path=_PATH) is None:
        raise NoDocker("no Docker daemon runs, and starting one needs root and Debian's docker.io")
    folder = Path(tempfile.mkdtemp(prefix="ror-docker-"))
    own = OwnDaemon(folder)
    try:
        own.start()
        yield own
    finally:
        own.stop()
        shutil.rmtree(folder)


def _wait_until_it_listens(daemon: subprocess.Popen[str]) -> None:
    said: deque[str] = deque(maxlen=10)
    assert daemon.stdout is not None
    for line in daemon.stdout:
        said.append(line.rstrip())
        if "API listen on" in line:
            # Whoever prints into a full pipe stops: keep reading.
            threading.Thread(target=deque, args=(daemon.stdout, 0), daemon=True).start()
            return
    raise NoDocker("dockerd does not start here: " + " | ".join(said))


def bring_base_image(host: str) -> None:
    """Have `BASE_IMAGE` in the daemon at an address (`NoDocker` where there is no way to it)."""
    client = docker.DockerClient(base_url=host, timeout=300)
    if client.images.list(BASE_IMAGE):
        return
    # Podman takes no notice of a tag by itself.
    client.api.import_image_from_file(str(_base_image()), repository=BASE_IMAGE)


def _base_image() -> Path:
    """The archive of the base image; of several processes that miss it, one makes it, and the others wait."""
    archive = _CACHE / f"{BASE_IMAGE.replace(':', '-')}.tar.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _debootstrap(archive)
    return archive


def _debootstrap(archive: Path) -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap", path=_PATH) is None:
        raise NoDocker(f"no base image {BASE_IMAGE}, and making it needs root and Debian's debootstrap")
    include = "--include=python3,python3-venv,ca-certificates"
    # Beside the archive: a temporary folder may be mounted without device files.
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        root, new = Path(folder) / "root", Path(folder) / "new.tar.gz"
        _run("debootstrap", "--variant=minbase", include, "bookworm", root)
        left_out = [
            f"--exclude=./{name}/*" for name in ("proc", "sys", "dev", "var/cache/apt", "var/lib/apt/lists")
        ]
        left_out += [f"--exclude=./usr/share/{name}/*" for name in ("doc", "locale", "man")]
        _run("tar", "-C", root, *left_out, "-czf", new, ".")
        new.rename(archive)


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": _PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        tail = " | ".join(done.stdout.splitlines()[-5:])
        raise NoDocker(f"{command[0]} ended with {done.returncode}: {tail}")


# -- fixtures (known to all tests through tests/conftest.py) ----------------------------------------------------------


@pytest.fixture(scope="session")
def docker_host(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a daemon that has `BASE_IMAGE`; one for all tests. With ROR_TEST_DOCKER=podman it is Podman's."""
    try:
        if os.environ.get("ROR_TEST_DOCKER") == "podman":
            host = request.getfixturevalue("podman_host")
            bring_base_image(host)
            yield host
            return
        with _docker_daemon() as host:
            yield host
    except NoDocker as reason:
        pytest.skip(str(reason))
