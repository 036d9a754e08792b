"""What a project sends besides segmentations and reports of numbers, where it does not leave that to its workflows."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ror.errors import ConfigurationError

__all__ = ["AS_WORKFLOW", "CAPTURES", "SWITCH", "Sending"]

AS_WORKFLOW = "as-workflow"
CAPTURES = (AS_WORKFLOW, "none", "key", "all")
SWITCH = (AS_WORKFLOW, "no", "yes")


@dataclass(frozen=True, slots=True)
class Sending:
    """One of `CAPTURES` or `SWITCH` for each kind of object that a PACS may not want.

    `models` are the meshes that a workflow lays on a series: there are no others to send.
    """

    captures: str = AS_WORKFLOW
    report: str = AS_WORKFLOW
    rtstruct: str = AS_WORKFLOW
    models: str = AS_WORKFLOW

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            known = CAPTURES if name == "captures" else SWITCH
            if value not in known:
                raise ConfigurationError(f"--{name}: {value!r} is none of {', '.join(known)}")

    @property
    def told(self) -> str:
        """``captures none, report yes``: what differs from the workflows."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items() if value != AS_WORKFLOW)
