"""Settings: ``<home>/ror.toml``, overruled by ``ROR_SECTION__KEY`` variables; every fault is told at once.

The home folder (``--home`` or ``ROR_HOME``) holds everything: database, archive, quarantine, jobs, packages, secrets.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from ror.engine_settings import EngineSettings, WorkflowSettings
from ror.errors import ConfigurationError
from ror.housekeeping_settings import HousekeepingSettings
from ror.pacs_settings import PacsSettings
from ror.setting_places import key_in, line_of
from ror.setting_types import AeTitle, Host, Network, Origin, Section

__all__ = [
    "DatabaseSettings",
    "EngineSettings",
    "HousekeepingSettings",
    "ListenerSettings",
    "LogSettings",
    "PacsSettings",
    "RedcapSettings",
    "ReidentifySettings",
    "Settings",
    "WebSettings",
    "WorkflowSettings",
    "default_home",
    "read",
    "read_pacs",
]

_AT_LINE = re.compile(r"at line (\d+)")
# Variables of this name space that are no settings of the home folder.
_OTHER_VARIABLES = {
    "ROR_HOME",
    "ROR_TEST_DATA",
    "ROR_CACHE",
    "ROR_WHEELS",
    "ROR_CONT_OPTIONS",
    "ROR_GATEWAY_TOKEN",
}
_OTHER_PREFIXES = ("ROR_REDCAP_TOKEN_", "ROR_TEST_")


class DatabaseSettings(Section):
    """Where tables live: empty = SQLite in the home folder."""

    url: str = ""


def _of_tls(path: str, info: ValidationInfo) -> str:
    """Whoever names a key or an authority means TLS, and must not get plain TCP."""
    if path and not info.data.get("tls_certificate"):
        raise ValueError("is of no use without tls_certificate")
    return path


class ListenerSettings(Section):
    """The DICOM listener (Storage and Verification SCP)."""

    host: Host = "0.0.0.0"
    port: int = Field(default=11112, ge=0, le=65535)
    ae_title: AeTitle = "ROR"
    max_associations: int = Field(default=50, ge=1, le=1000)
    max_associations_per_address: int = Field(default=20, ge=1, le=1000)
    max_object_mib: int = Field(default=2048, ge=1, le=1048576)
    request_seconds: float = Field(
        default=10.0, gt=0.0, le=3600.0, description="for an association to be asked for"
    )
    idle_seconds: float = Field(default=60.0, gt=0.0, le=86400.0, description="for each PDU to come whole")
    tls_certificate: str = Field(default="", description="PEM; empty for plain TCP")
    tls_key: str = Field(default="", description="PEM; empty where the certificate's file holds it")
    tls_ca: str = Field(default="", description="PEM; senders must show a certificate that it has signed")
    objects_per_second: float = Field(default=0.0, ge=0.0, description="of all senders; 0: no limit")
    mib_per_second: float = Field(default=0.0, ge=0.0, description="of all senders; 0: no limit")
    sender_objects_per_second: float = Field(default=0.0, ge=0.0, description="of each sender; 0: no limit")
    sender_mib_per_second: float = Field(default=0.0, ge=0.0, description="of each sender; 0: no limit")
    settle_seconds: float = Field(default=30.0, ge=0.0, le=86400.0)
    needed_patience: float = Field(
        default=3.0, ge=1.0, le=100.0, description="times as long while a workflow needs more of the study"
    )
    reserve_mib: int = Field(default=1024, ge=0, description="refuse objects below this much free disk")

    @field_validator("tls_key", "tls_ca")
    @classmethod
    def _with_a_certificate(cls, path: str, info: ValidationInfo) -> str:
        return _of_tls(path, info)

    @field_validator("objects_per_second", "sender_objects_per_second")
    @classmethod
    def _no_sender_gives_up(cls, rate: float) -> float:
        if 0 < rate < 1:
            raise ValueError("0 for no limit, or at least 1: senders give up on slower receivers")
        return rate

    @field_validator("mib_per_second", "sender_mib_per_second")
    @classmethod
    def _nor_waits_for_a_pdu(cls, rate: float) -> float:
        if 0 < rate < 0.1:
            raise ValueError("0 for no limit, or at least 0.1: senders give up on slower receivers")
        return rate


class WebSettings(Section):
    """DICOMweb; the limits of the listener hold for it, too."""

    enabled: bool = False
    host: Host = "127.0.0.1"
    port: int = Field(default=8104, ge=0, le=65535)
    max_requests: int = Field(default=32, ge=1, le=1000)
    max_package_mib: int = Field(default=512, ge=1, le=65536, description="of a workflow that is submitted")
    max_image_mib: int = Field(default=16384, ge=1, le=1048576, description="of a workflow with its image")
    unsandboxed_submissions: bool = False
    allowed_origins: list[Origin] = Field(
        default_factory=list, description="of pages elsewhere that may ask, as browsers send them"
    )
    metrics_from: list[Network] = Field(
        default=["127.0.0.1", "::1"], description="addresses or networks that may ask for /metrics"
    )
    tls_certificate: str = Field(default="", description="PEM; empty for plain HTTP")
    tls_key: str = Field(default="", description="PEM; empty where the certificate's file holds it")

    @field_validator("tls_key")
    @classmethod
    def _with_a_certificate(cls, path: str, info: ValidationInfo) -> str:
        return _of_tls(path, info)

    @field_validator("allowed_origins", "metrics_from", mode="before")
    @classmethod
    def _parted_by_commas(cls, value: Any) -> Any:
        """A variable of the environment has no lists."""
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )


class RedcapSettings(Section):
    """How every REDCap is asked; where each is, its project says."""

    requests_per_minute: int = Field(
        default=300, ge=1, le=6000, description="by this process, to each REDCap"
    )
    timeout_seconds: float = Field(default=60.0, gt=0.0, le=3600.0, description="for each answer")
    ca_bundle: str = Field(default="", description="PEM; of the authority that the system does not know")


class LogSettings(Section):
    """How `log/ror.log` and standard error are written."""

    format: Literal["text", "json"] = "text"


class ReidentifySettings(Section):
    """Who may open identities with ``ror reidentify``; in the file alone, as who asks sets the variables."""

    users: list[str] = Field(
        default_factory=list, description="users of the system and @groups; empty: nobody"
    )

    @field_validator("users")
    @classmethod
    def _are_names(cls, users: list[str]) -> list[str]:
        if any(not user.removeprefix("@").strip() for user in users):
            raise ValueError("an empty name")
        return users


class Settings(Section):
    """All settings of one home folder."""

    database: DatabaseSettings = DatabaseSettings()
    listener: ListenerSettings = ListenerSettings()
    web: WebSettings = WebSettings()
    engine: EngineSettings = EngineSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    pacs: dict[str, PacsSettings] = Field(default_factory=dict)
    redcap: RedcapSettings = RedcapSettings()
    reidentify: ReidentifySettings = ReidentifySettings()
    log: LogSettings = LogSettings()


class _PacsAlone(BaseModel):
    """What of the settings a running service reads again."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    pacs: dict[str, PacsSettings] = Field(default_factory=dict)


_Read = TypeVar("_Read", bound=BaseModel)


def default_home() -> Path:
    """``ROR_HOME``, else ``~/.ror``."""
    return Path(os.environ.get("ROR_HOME") or Path.home() / ".ror")


def read(home: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of a home folder.

    Raises
    ------
    ConfigurationError
        With one line for each fault: unreadable TOML, unknown keys, values out of range, unknown ``ROR_`` variables.
    """
    return _read(Settings, home, environment)


def read_pacs(home: Path, environment: Mapping[str, str] | None = None) -> Mapping[str, PacsSettings]:
    """Read the ``[pacs.NAME]`` sections alone, so that what is wrong in others does not matter (as `read`)."""
    return _read(_PacsAlone, home, environment).pacs


def _read(model: type[_Read], home: Path, environment: Mapping[str, str] | None) -> _Read:
    environment = os.environ if environment is None else environment
    file = home / "ror.toml"
    text = _text_of(file)
    values = _read_toml(file, text)
    faults = _overrule(values, environment)
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        faults += [
            f"{_fault(detail)} ({_place(detail['loc'], text, environment)})" for detail in error.errors()
        ]
    if faults:
        raise ConfigurationError(
            f"the settings of {home} are wrong:",
            tuple(faults),
            f"correct {file} or the ROR_ variables; ror/README.md lists all settings",
        )
    return settings


def _read_toml(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.rstrip() + "\n")  # else its last line is told as the end of the document
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        key = key_in(text, int(at[1])) if at else ""
        raise ConfigurationError(
            f"{file} is no TOML:",
            (f"{key}: {error}" if key else str(error),),
            "correct that line: sections in [brackets], texts in quotes, each key once in its section",
        ) from error


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{file} is no TOML:", (f"not UTF-8 (at line {line})",), "save it as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}", advice="let the user of ror read it"
        ) from error


def _overrule(values: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    faults = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith("ROR_") or variable in _OTHER_VARIABLES:
            continue
        if variable.startswith(_OTHER_PREFIXES):
            continue
        path = variable.removeprefix("ROR_").lower().split("__")
        if len(path) < 2:
            faults.append(f"{variable}: unknown variable; settings are written ROR_SECTION__KEY")
            continue
        if not _set(values, path, text):
            faults.append(f"{variable}: {'.'.join(path)} goes below a value that has no parts")
    return faults


def _set(section: dict[str, Any], path: list[str], text: str) -> bool:
    for key in path[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            return False
    section[path[-1]] = text
    return True


def _place(path: tuple[str | int, ...], text: str, environment: Mapping[str, str]) -> str:
    """Where a setting was given: by a variable, on a line of the file, or not at all."""
    variable = f"ROR_{'__'.join(str(part) for part in path).upper()}"
    for name in environment:
        if name.upper() in (variable, variable.rpartition("__")[0]):  # the latter for a part of a list
            return name
    line = line_of(text, path)
    return f"line {line}" if line else "not in the file"


def _fault(detail: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key"
    if detail["type"] in ("model_type", "dict_type"):
        return f"{path}: should be a section: [{path}]"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{path}: {message[0].lower()}{message[1:]}"
