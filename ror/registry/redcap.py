"""What a project says of its REDCap: an address and names that can be right, and where its token is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from ror.errors import ConfigurationError

__all__ = [
    "redcap_event_fault",
    "redcap_instrument_fault",
    "redcap_token",
    "redcap_token_variable",
    "redcap_url_fault",
]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_INSTRUMENT = re.compile(r"[a-z][a-z0-9_]{0,99}")
_UNIQUE_NAME = re.compile(r"[a-z0-9_]{1,100}")
_TOKEN = re.compile(r"[0-9A-Fa-f]{32}")
_OTHERS = 0o077


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
    return f"not the unique name of a REDCap instrument, which begins with a letter: {name!r}"


def redcap_event_fault(name: str) -> str:
    """What is wrong with the unique name of an event, or nothing."""
    if _UNIQUE_NAME.fullmatch(name) and re.search(r"_arm_[0-9]+[a-z]?$", name):
        return ""
    return f"not the unique name of a REDCap event, which ends in _arm_1: {name!r}"


def redcap_token_variable(project: str) -> str:
    """The environment variable that may hold the API token of a project."""
    return f"ROR_REDCAP_TOKEN_{project.upper().replace('-', '_')}"


def redcap_token(project: str, secrets_folder: Path) -> str:
    """The API token of a project's REDCap: of the environment, else of ``<secrets>/<project>.redcap-token``.

    Raises
    ------
    ConfigurationError
        There is none, others may read its file, or it cannot be one. The token itself is never told.
    """
    variable, file = redcap_token_variable(project), secrets_folder / f"{project}.redcap-token"
    advice = f"set {variable}, or write the token that REDCap shows under API into {file}, mode 0600"
    where, token = variable, os.environ.get(variable, "").strip()
    if not token:
        where, token = str(file), _of_file(project, file, advice)
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            f"REDCap of project {project}: the token must be 32 hexadecimal digits, which that in {where} is not",
            advice=advice,
        )
    return token


def _of_file(project: str, file: Path, advice: str) -> str:
    try:
        if file.stat().st_mode & _OTHERS:
            raise ConfigurationError(
                f"REDCap of project {project}: others may read {file}",
                advice=f"chmod 600 {file}, and have REDCap make another token, as this one may be known",
            )
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise ConfigurationError(f"REDCap of project {project}: there is no token", advice=advice) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"REDCap of project {project}: {file} cannot be read: {type(error).__name__}", advice=advice
        ) from None
