"""What several sections of ``ror.toml`` are made of: a section, and values that are checked when they are read."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

__all__ = ["AeTitle", "Host", "Origin", "Section"]

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
            "no origin as browsers send it: write https://viewer.example.org or http://localhost:8000, without a path"
        )
    return text


AeTitle = Annotated[str, AfterValidator(_ae_title)]
Host = Annotated[str, AfterValidator(_host)]
Origin = Annotated[str, AfterValidator(_origin)]


class Section(BaseModel):
    """A section: keys that it does not have are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """``port = true`` of TOML would be port 1."""
        wanted = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and wanted in (int, float):
            raise ValueError("should be a number, not true or false")
        return value
