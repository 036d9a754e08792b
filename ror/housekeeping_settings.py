"""What is kept for how long: the section ``[housekeeping]`` of ``ror.toml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ror.setting_types import Section

__all__ = ["HousekeepingSettings", "RetentionSettings"]

_Days = Annotated[float, Field(ge=0.0, le=36500.0)]


class RetentionSettings(Section):
    """How many days a project keeps things; what is not said is as for all."""

    job_days: _Days | None = None
    failed_days: _Days | None = None
    archive_days: _Days | None = None


class HousekeepingSettings(Section):
    """Days that things are kept; 0: for ever."""

    every_hours: float = Field(default=24.0, ge=0.0, le=8760.0, description="0: only by hand")
    job_days: _Days = Field(default=90.0, description="folders of jobs that have ended well, or for good")
    failed_days: _Days = Field(default=0.0, description="folders of dead letters")
    image_days: _Days = Field(default=90.0, description="images of workflow versions that nothing uses")
    archive_days: _Days = Field(default=0.0, description="studies, after their last object has come")
    free_mib: int = Field(
        default=0, ge=0, description="with less free disk, what may go goes before its time"
    )
    projects: dict[str, RetentionSettings] = Field(default_factory=dict)
