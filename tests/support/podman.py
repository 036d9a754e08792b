"""Podman's Docker-compatible socket for tests: a service of our own, as root, that ends with the tests.

It keeps all that it has in a temporary folder, and asks no registry: what it lacks it is not to fetch.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.support.docker_daemon import NoDocker

__all__ = ["TINY_IMAGE", "podman_running"]

TINY_IMAGE = "ror-tiny:1"
"""A shell and what it needs, taken from this machine: there in an instant, as no image with Python is."""
_PROGRAMS = ("cat", "head", "mkdir", "sh", "sleep", "touch", "yes")
_REGISTRIES = """
unqualified-search-registries = []
[[registry]]
prefix = "*.io"
blocked = true
"""


@contextmanager
def podman_running() -> Iterator[str]:
    """Run the service until the block ends; gives its address.

    Raises
    ------
    NoDocker
        It cannot be started here.
    """
    if os.geteuid() != 0 or shutil.which("podman") is None:
        raise NoDocker("no Podman: a service of it needs root and Debian's podman and catatonit")
    folder = Path(tempfile.mkdtemp(prefix="ror-podman-"))
    process = _service(folder)
    try:
        _wait_until_it_listens(process)
        yield f"unix://{folder}/podman.sock"
    finally:
        process.terminate()
        process.wait(60)
        # Its folder of layers is mounted upon itself, and what a build has left that failed is, too.
        for mounted in reversed(_mounted_below(folder)):
            subprocess.run(["umount", "--lazy", mounted], check=False, capture_output=True)
        # Its conmon may still clean up after the last container.
        shutil.rmtree(folder, ignore_errors=True)


def _service(folder: Path) -> subprocess.Popen[str]:
    (folder / "registries.conf").write_text(_REGISTRIES)
    # Without CAP_SYS_RESOURCE nobody may have more than he has; the service itself begins with no more processes.
    files, processes = (resource.getrlimit(one)[1] for one in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    most = min(processes if processes > 0 else 1 << 20, 1 << 15)
    ulimits = [f"nofile={files}:{files}", f"nproc={most}:{most}"]
    (folder / "containers.conf").write_text(f"[containers]\ndefault_ulimits = {ulimits}\n")
    command: list[str | Path] = ["podman", "--root", folder / "root", "--runroot", folder / "run"]
    command += ["--events-backend=file", "--cgroup-manager=cgroupfs", "--log-level=info"]
    return subprocess.Popen(
        [*command, "system", "service", "--time=0", f"unix://{folder}/podman.sock"],
        env={
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        },
        cwd=folder,  # where its conmon leaves a file for each program that was over its memory
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def _wait_until_it_listens(process: subprocess.Popen[str]) -> None:
    said: deque[str] = deque(maxlen=5)
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line.rstrip())
        if "API service listening" in line:
            # Whoever prints into a full pipe stops: keep reading.
            threading.Thread(target=deque, args=(process.stderr, 0), daemon=True).start()
            return
    raise NoDocker("podman does not start here: " + " | ".join(said))


def _bring_tiny_image(host: str, archive: Path) -> None:
    try:
        with closing(docker.DockerClient(base_url=host)) as client:
            client.api.import_image_from_file(str(_tiny_root(archive)), repository=TINY_IMAGE)
    except DockerException as error:  # as where a folder cannot be laid over another
        raise NoDocker(f"podman can keep no image here: {error}") from error


def _mounted_below(folder: Path) -> list[str]:
    """Where something is mounted below a folder, in the order in which it was."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [place for place in places if place.startswith(f"{folder}/")]


def _tiny_root(archive: Path) -> Path:
    """A tar archive of the root of a system that has a shell, and nothing else."""
    paths = {Path("bin", name): Path(shutil.which(name) or name).resolve() for name in _PROGRAMS}
    told = subprocess.run(["ldd", *paths.values()], check=True, capture_output=True, text=True).stdout
    libraries = {word for word in told.split() if word.startswith("/") and not word.endswith(":")}
    with tarfile.open(archive, "w", dereference=True) as tar:
        for name, source in paths.items():
            tar.add(source, str(name))
        for library in sorted(libraries):
            tar.add(library, library.lstrip("/"))
    return archive


# -- fixtures (known to all tests through tests/conftest.py) ----------------------------------------------------------


@pytest.fixture(scope="session")
def podman_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Podman's socket, with `TINY_IMAGE`; one for all tests."""
    try:
        with podman_running() as host:
            _bring_tiny_image(host, tmp_path_factory.mktemp("tiny") / "root.tar")
            yield host
    except NoDocker as reason:
        pytest.skip(str(reason))
