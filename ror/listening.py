"""A socket that is listened on, by the listener of associations and by the web."""

from __future__ import annotations

import socket
from typing import Final

from ror.errors import ConfigurationError

__all__ = ["listening_socket"]

# Who finds it full loses its connection some seconds later, a flood's neighbours too; the system may allow less.
_BACKLOG: Final = 4096


def listening_socket(host: str, port: int, setting: str) -> socket.socket:
    """Listen on an address, of IPv4 or IPv6; port 0 is any free one.

    Raises
    ------
    ConfigurationError
        It cannot be listened on; `setting` is the one that names the port.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            advice=f"stop the program that uses the port, or set {setting} in ror.toml",
        ) from error
