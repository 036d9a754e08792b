"""Two machines in one: network namespaces (ip-netns(8)), each with a network of its own, and a link that a test cuts.

What runs in one of them shares files with what runs in the other, and Unix sockets; by TCP, nothing but the link is
between them. It needs root, Debian's iproute2, and a kernel that lets root make namespaces and links.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

__all__ = ["Linked", "NoNamespaces", "within"]

_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class NoNamespaces(Exception):
    """Why there are no network namespaces here; tests are skipped with this sentence."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Two namespaces, `near` and `far`, by their names; `address` is that of the near one as the far one sees it."""

    near: str
    far: str
    address: str = "10.77.0.1"
    network: str = "10.77.0.0/24"

    @classmethod
    @contextmanager
    def make(cls) -> Iterator[Linked]:
        """Make two with a link between them; they end with the block.

        Raises
        ------
        NoNamespaces
            They cannot be made here.
        """
        made = cls(f"ror-near-{os.getpid()}", f"ror-far-{os.getpid()}")
        with ExitStack() as stack:
            for name in (made.near, made.far):
                _make("netns", "add", name)
                stack.callback(subprocess.run, (_program(), "netns", "del", name), check=True)
            of_near, of_far = ("name", "link", "netns", made.near), ("name", "link", "netns", made.far)
            _make("link", "add", *of_near, "type", "veth", "peer", *of_far)
            for name, address in ((made.near, made.address), (made.far, "10.77.0.2")):
                _set(name, "lo", "up")
                _set(name, "link", "up")
                subprocess.run(
                    (_program(), "-n", name, "address", "add", f"{address}/24", "dev", "link"), check=True
                )
            yield made

    def cut(self) -> None:
        """Take the link down: who sends from now on hears nothing, not even that nobody is there."""
        _set(self.near, "link", "down")

    def mend(self) -> None:
        """Take the link up again."""
        _set(self.near, "link", "up")


def within(namespace: str) -> tuple[str, ...]:
    """The words before a command that is to run in a namespace."""
    return (_program(), "netns", "exec", namespace)


def _program() -> str:
    found = shutil.which("ip", path=_PATH)
    if found is None:
        raise NoNamespaces("network namespaces are made by Debian's iproute2, which is not installed")
    return found


def _make(*words: str) -> None:
    done = subprocess.run((_program(), *words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNamespaces(f"no network namespaces here: ip {' '.join(words)}: {done.stderr.strip()}")


def _set(namespace: str, device: str, *words: str) -> None:
    subprocess.run((_program(), "-n", namespace, "link", "set", "dev", device, *words), check=True)


# -- fixture (known to all tests through tests/conftest.py) -----------------------------------------------------------


@pytest.fixture
def linked() -> Iterator[Linked]:
    """Two machines, and the link between them."""
    try:
        with Linked.make() as made:
            yield made
    except NoNamespaces as reason:
        pytest.skip(str(reason))
