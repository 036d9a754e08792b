"""How many connections there may be, and which of them goes when there are too many."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ror.gateway.places import Places

HALF_OPEN = 4


@pytest.fixture
def come() -> Iterator[Callable[[str], socket.socket]]:
    """Connects from an address, and opens the connection; gives the far end."""
    places = Places(associations=20, per_address=10, half_open=HALF_OPEN)
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def connect(address: str) -> socket.socket:
            client = stack.enter_context(
                socket.create_connection(server.getsockname(), source_address=(address, 0))
            )
            places.open(stack.enter_context(server.accept()[0]))
            return client

        yield connect


def is_open(peer: socket.socket) -> bool:
    peer.settimeout(0)
    try:
        return peer.recv(1) != b""
    except BlockingIOError:
        return True


def test_a_flood_from_one_address_closes_connections_of_its_own(come: Callable[[str], socket.socket]) -> None:
    honest = come("127.0.0.1")
    flood = [come("127.0.0.2") for _ in range(HALF_OPEN + 1)]
    assert is_open(honest)
    assert [is_open(one) for one in flood] == [False, False, True, True, True]


def test_among_addresses_with_one_connection_each_the_oldest_goes(
    come: Callable[[str], socket.socket],
) -> None:
    peers = [come(f"127.0.0.{number}") for number in range(2, HALF_OPEN + 3)]
    assert [is_open(one) for one in peers] == [False, True, True, True, True]
