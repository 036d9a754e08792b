"""Whether what is sent to an address can be read on the way."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_overheard"]


def is_overheard(url: str) -> bool:
    """Whether it goes over a network in plain text: neither by TLS, nor to this machine."""
    parts = urlsplit(url)
    return parts.scheme != "https" and not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
