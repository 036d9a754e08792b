"""A port that a server is told stays free until the server listens."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orthanc import free_port

GIVEN_BY_THE_SYSTEM = Path("/proc/sys/net/ipv4/ip_local_port_range")
only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere ports have no names among processes"
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Draws these ports next."""

    def draw(*ports: int) -> None:
        left = iter(ports)
        monkeypatch.setattr("orthanc.ports.random.randrange", lambda *_: next(left))

    return draw


@only_linux
def test_the_system_gives_none_of_them_to_a_connection() -> None:
    low, high = map(int, GIVEN_BY_THE_SYSTEM.read_text().split())
    assert not [port for port in (free_port() for _ in range(100)) if low <= port <= high]


@only_linux
def test_a_port_that_was_found_is_not_found_again_before_its_server_listens(
    drawn: Callable[..., None],
) -> None:
    first, other = free_port(), free_port()
    drawn(first, other, *range(9_000, 9_900))
    assert free_port() not in (first, other)


def test_a_port_that_somebody_listens_on_is_not_free(drawn: Callable[..., None]) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken = server.getsockname()[1]
        drawn(taken, *range(9_000, 9_900))
        assert free_port() != taken


def test_a_server_can_listen_on_it_at_once() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1]
