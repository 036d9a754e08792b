"""What can go wrong with workflow packages and runtimes.

::

    ContainersError
    ├── ManifestError            the author: mend workflow.toml; all faults are listed, each with its path
    └── AdvisedError             has `advice`: what to do about it
        ├── RuntimeUnavailable   the operator: the runtime cannot work on this machine
        └── ImageError           the author or the operator: the image or environment cannot be made

How a *run* ended is never an error: it is an `Outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["AdvisedError", "ContainersError", "Fault", "ImageError", "ManifestError", "RuntimeUnavailable"]


class ContainersError(Exception):
    """Base of every error of this package."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a manifest: where (``outputs.masks[0].on``) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ManifestError(ContainersError):
    """A package's description cannot be used. `faults` has everything found, in the order of the text.

    `select` is its select statement as far as there is one, for those who know the language: this package does not.
    """

    def __init__(self, source: str, faults: Iterable[Fault], select: str = "") -> None:
        self.source = source
        self.faults = tuple(faults)
        self.select = select
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {fault}" for fault in self.faults)]))

    def __reduce__(self) -> tuple[type[ManifestError], tuple[str, tuple[Fault, ...], str]]:
        # Errors of a job step are pickled by the durable engine; args alone would not rebuild this one.
        return type(self), (self.source, self.faults, self.select)


class AdvisedError(ContainersError):
    """A fault with a sentence on what to do about it."""

    def __init__(self, message: str, advice: str) -> None:
        self.message = message
        self.advice = advice
        super().__init__(message, advice)

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message


class RuntimeUnavailable(AdvisedError):
    """The runtime cannot work here: no daemon, no permission, no venv module."""


class ImageError(AdvisedError):
    """The image or the environment of a package cannot be made or found."""
