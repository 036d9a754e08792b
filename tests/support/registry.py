"""A real container registry, Debian's docker-registry, on a free port of this machine."""

import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["registry"]

_SETTINGS = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}
http:
  addr: 127.0.0.1:0
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Its address, ``127.0.0.1:PORT``, which Docker trusts without a certificate."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("Debian's docker-registry is not installed")
    settings = tmp_path / "registry.yml"
    settings.write_text(_SETTINGS.format(folder=tmp_path / "registry"))
    process = subprocess.Popen(
        [program, "serve", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(60)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said: deque[str] = deque(maxlen=10)
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"listening on (127\.0\.0\.1:\d+)", line):
            # Whoever prints into a full pipe stops: keep reading.
            threading.Thread(target=deque, args=(process.stderr, 0), daemon=True).start()
            return found[1]
    pytest.fail("docker-registry does not start: " + "".join(said))
