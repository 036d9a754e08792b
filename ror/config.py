"""Settings: ``<home>/ror.toml``, overruled by ``ROR_SECTION__KEY`` variables; every fault is told at once.

The home folder (``--home`` or ``ROR_HOME``) holds everything: database, archive, quarantine, jobs, packages, secrets.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from ror.errors import ConfigurationError

__all__ = [
    "DatabaseSettings",
    "EngineSettings",
    "ListenerSettings",
    "PacsSettings",
    "Settings",
    "default_home",
    "read",
]

AeTitle = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[\x20-\x5b\x5d-\x7e]+$")]
Port = Annotated[int, Field(ge=0, le=65535)]

# Variables of this name space that are no settings of the home folder.
_OTHER_VARIABLES = {
    "ROR_HOME",
    "ROR_TEST_DATA",
    "ROR_CACHE",
    "ROR_WHEELS",
    "ROR_CONT_OPTIONS",
}
_OTHER_PREFIXES = ("ROR_REDCAP_TOKEN_", "ROR_TEST_")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Section):
    """Where tables live: empty = SQLite in the home folder."""

    url: str = ""


class ListenerSettings(_Section):
    """The DICOM listener (Storage and Verification SCP)."""

    host: str = "0.0.0.0"
    port: Port = 11112
    ae_title: AeTitle = "ROR"
    max_associations: int = Field(default=50, ge=1, le=1000)
    settle_seconds: float = Field(default=30.0, ge=0.0, le=86400.0)
    reserve_mib: int = Field(default=1024, ge=0, description="refuse objects below this much free disk")


class EngineSettings(_Section):
    """What runs jobs."""

    runtime: Literal["auto", "docker", "process"] = "auto"
    slots: int = Field(default=1, ge=1, le=256, description="containers at once on this host")
    in_flight: int = Field(default=64, ge=1, le=4096, description="jobs between stage and record at once")
    base_image: str = "python:3.11-slim-bookworm"
    executor_id: str = Field(default="main", pattern=r"^[A-Za-z0-9_.-]{1,64}$")


class PacsSettings(_Section):
    """A PACS that results are sent to by C-STORE."""

    host: str
    port: Port
    ae_title: AeTitle
    images: bool = Field(default=True, description="send the de-identified images of the study too")
    # Its REST address, if it is an Orthanc: results that a later job replaces are deleted there.
    orthanc_url: str = ""
    orthanc_user: str = ""
    orthanc_password: SecretStr = SecretStr("")


class Settings(_Section):
    """All settings of one home folder."""

    database: DatabaseSettings = DatabaseSettings()
    listener: ListenerSettings = ListenerSettings()
    engine: EngineSettings = EngineSettings()
    pacs: dict[str, PacsSettings] = Field(default_factory=dict)


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
    environment = os.environ if environment is None else environment
    file = home / "ror.toml"
    values = _read_toml(file)
    faults = _overrule(values, environment)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [_fault(detail) for detail in error.errors()]
    if faults:
        raise ConfigurationError(
            f"the settings of {home} are wrong:",
            tuple(faults),
            f"correct {file} or the ROR_ variables; ror/README.md lists all settings",
        )
    return settings


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML:", (str(error),), "correct the file") from error
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


def _fault(detail: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key"
    return f"{path}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
