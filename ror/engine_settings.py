"""What runs jobs, and which come first: the section ``[engine]`` of ``ror.toml``."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from ror.setting_types import Section

__all__ = ["EngineSettings", "WorkflowSettings"]

_GPUS = re.compile(r"auto|none|[A-Za-z0-9-]+(:[1-9][0-9]*)?(,[A-Za-z0-9-]+(:[1-9][0-9]*)?)*")
_HTTP = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def _gpus(text: str) -> str:
    if not _GPUS.fullmatch(text):
        raise ValueError(
            'write "auto", "none", or ids as "0,1", with memory in MiB where no driver tells it: "0:16384"'
        )
    return text


def _http(text: str) -> str:
    if text and not _HTTP.fullmatch(text):
        raise ValueError("write an address as https://gateway.example.org:8104")
    return text


def _hours(text: str) -> str:
    try:
        begin, end = (time.fromisoformat(part) for part in text.split("-"))
    except ValueError as error:
        raise ValueError("write hours as 18:00-06:00") from error
    if begin == end:
        raise ValueError("begin and end are the same")
    return text


class WorkflowSettings(Section):
    """How one workflow takes its place among the others, in whatever project."""

    priority: Literal["urgent", "normal", "off-peak"] = "normal"
    at_most: int = Field(default=0, ge=0, description="programs of it at once on all hosts; 0: no limit")


class EngineSettings(Section):
    """What runs jobs."""

    gateway: Annotated[str, AfterValidator(_http)] = Field(
        default="",
        description="of `ror work` without the shared folder: the address of `ror serve`, its web.port",
    )
    gateway_token_file: str = Field(
        default="", description="holds the token of this host; empty for ROR_GATEWAY_TOKEN"
    )
    gateway_ca: str = Field(
        default="",
        description="PEM; of the authority of the gateway's certificate that the system does not know",
    )
    runtime: Literal["auto", "docker", "process"] = "auto"
    slots: int = Field(default=1, ge=1, le=256, description="containers at once on this host")
    in_flight: int = Field(
        default=1024, ge=1, le=4096, description="jobs of this host at once, with those that wait"
    )
    base_image: str = "python:3.11-slim-bookworm"
    executor_id: str = Field(default="main", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    labels: list[str] = Field(
        default_factory=list, description="of this host, for workflows that ask for them"
    )
    cpus: float = Field(default=0.0, ge=0.0, description="cores of this host for workflows; 0: all")
    memory_mib: int = Field(default=0, ge=0, description="memory of this host for workflows; 0: all")
    gpus: Annotated[str, AfterValidator(_gpus)] = "auto"
    beat_seconds: float = Field(
        default=10.0, ge=0.1, le=600.0, description="a host silent for three beats is lost"
    )
    off_peak: Annotated[str, AfterValidator(_hours)] = "18:00-06:00"
    workflows: dict[str, WorkflowSettings] = Field(default_factory=dict)
    shares: dict[str, Annotated[float, Field(gt=0.0, le=1000.0)]] = Field(
        default_factory=dict, description="of projects; 1 where not named"
    )

    @field_validator("labels", mode="before")
    @classmethod
    def _parted_by_commas(cls, value: Any) -> Any:
        """A variable of the environment has no lists."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("labels")
    @classmethod
    def _are_labels(cls, labels: list[str]) -> list[str]:
        if wrong := [label for label in labels if not _LABEL.fullmatch(label)]:
            raise ValueError(f"no label: {', '.join(wrong)}; letters, digits and . _ -")
        return labels
