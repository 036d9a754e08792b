"""What a project says of its REDCap: an address that can be right, and where its token is."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["redcap_instrument_fault", "redcap_token_variable", "redcap_url_fault"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_INSTRUMENT = re.compile(r"[a-z0-9_]{1,100}")


def redcap_url_fault(url: str) -> str:
    """What is wrong with the address of a REDCap API, or nothing: https, as the token travels in each request."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        return f"not the URL of a REDCap API (https://…/api/): {url}: {error}"
    if not url.endswith("/api/") or not parts.path.endswith("/api/") or not host:
        return f"not the URL of a REDCap API (https://…/api/): {url}"
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        return f"the token would travel unencrypted; use https: {url}"
    return ""


def redcap_instrument_fault(name: str) -> str:
    """What is wrong with the unique name of an instrument, or nothing."""
    if _INSTRUMENT.fullmatch(name):
        return ""
    return f"not the unique name of a REDCap instrument: {name!r}"


def redcap_token_variable(project: str) -> str:
    """The environment variable that holds the API token of a project; never a file of ours."""
    return f"ROR_REDCAP_TOKEN_{project.upper().replace('-', '_')}"
