"""What a developer has set for a project, beside what belongs into its package: ``.ror/settings.json``, mode 0600."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ror.develop.rewriting import rewrite
from ror.errors import ConfigurationError

__all__ = ["DeveloperSettings", "read_settings", "write_settings"]


_OWN_ALONE = 0o600


class DeveloperSettings(BaseModel):
    """Where job folders are laid out, and which server gets the workflow by which token; empty where nothing is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temp_directory: str = ""
    # No user and password before the host: addresses are printed.
    server: str = Field(default="", pattern=r"^(https?://[^\s@/?#]+([/?#]\S*)?)?$")
    token: str = Field(default="", repr=False, pattern=r"^[\x21-\x7e]*$")


def read_settings(file: Path) -> DeveloperSettings:
    """What is set; nothing, where there is no file.

    Raises
    ------
    ConfigurationError
        The file is not as it was written here.
    """
    try:
        return DeveloperSettings.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return DeveloperSettings()
    except PermissionError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}", advice="have the right to: it is for its owner alone"
        ) from error
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        # Not what it says: the token is in it.
        raise ConfigurationError(
            f"{file} cannot be used: {type(error).__name__}", advice="remove it, and say ror config again"
        ) from error


def write_settings(file: Path, settings: DeveloperSettings) -> None:
    """Write all of them, whole or not at all (`ConfigurationError`); nobody else may read them."""
    rewrite(file, json.dumps(settings.model_dump(exclude_defaults=True), indent=1), _OWN_ALONE)
