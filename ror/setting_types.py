"""What several sections of ``ror.toml`` are made of: a section, and values that are checked when they are read."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

__all__ = ["AeTitle", "Host", "Network", "Origin", "Section"]

_ORIGIN = re.compile(r"https?://([a-z0-9_.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")
_USUAL_PORT = re.compile(r"http:.*:80|https:.*:443")


def _ae_title(text: str) -> str:
    if (
        not (1 <= len(text) <= 16 and text.strip(" ") and text.isascii() and text.isprintable())
        or "\\" in text
    ):
        raise ValueError(
            "no AE title: 1 to 16 characters of ASCII, not only spaces, no backslash (PS3.5 6.2)"
        )
    return text


def _host(text: str) -> str:
    try:
        is_one = text.encode("idna") != b"" and text.isprintable() and " " not in text
    except UnicodeError:  # a part between dots that is empty, or too long for the domain name system
        is_one = False
    if not is_one:
        raise ValueError("no name or address of a host")
    return text


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text) or _USUAL_PORT.fullmatch(text):
        raise ValueError(
            f"no origin as browsers send it: {_wrong_in(text)}; "
            "write it as https://viewer.example.org or http://localhost:8000"
        )
    return text


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("no address or network: write it as 10.1.2.3 or 10.1.0.0/16") from error


def _wrong_in(text: str) -> str:
    """What is wrong with an origin; without itself, as somebody may have written a password into it."""
    if not re.match(r"https?://", text, re.IGNORECASE):
        return "it has to begin with https:// or http://"
    if text.endswith("/") and text.count("/") == len("//") + 1:
        return "it ends without a /"
    if text.count("/") > len("//"):
        return "it ends behind the host or its port, without a path"
    if text != text.lower():
        return "it is in lower case"
    if _USUAL_PORT.fullmatch(text):
        return "it is without the port that is the usual one of its scheme"
    return "it has a scheme, a host, and perhaps a port, and nothing else"


AeTitle = Annotated[str, AfterValidator(_ae_title)]
Host = Annotated[str, AfterValidator(_host)]
Network = Annotated[str, AfterValidator(_network)]
Origin = Annotated[str, AfterValidator(_origin)]


class Section(BaseModel):
    """A section: keys that it does not have are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """``port = true`` of TOML would be port 1."""
        wanted = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and wanted in (int, float):
            raise ValueError("should be a number, not true or false")
        return value
