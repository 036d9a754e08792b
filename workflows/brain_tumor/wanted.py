"""What the package's own manifest announces, so that it is said in one place."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from job import Unusable
from volumes import CHANNELS

__all__ = ["Wanted"]

_MANIFEST = Path(__file__).parent / "workflow.toml"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The series that the label map lies on, and whether a map of the network's entropy is announced beside it."""

    on: str
    entropy: bool

    @classmethod
    def of_package(cls) -> Wanted:
        """Read ``workflow.toml``.

        Raises
        ------
        Unusable
            The masks lie on a series that this workflow does not read, or not on the same.
        """
        masks = {
            mask["name"]: mask["on"]
            for mask in tomllib.loads(_MANIFEST.read_text("utf-8"))["outputs"]["masks"]
        }
        on = masks["tumor"]
        if set(masks.values()) != {on} or on not in CHANNELS:
            raise Unusable(
                f"the masks of workflow.toml must lie on one of {', '.join(CHANNELS)}, all on the same"
            )
        return cls(on, "entropy" in masks)
