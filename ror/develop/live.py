"""A container runtime that says aloud what it builds and what its programs print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from containers import Availability, Image, Outcome, Package, RunOrder, Runtime

__all__ = ["Live"]

_Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Live:
    """Meets `Runtime` by another one; every line goes to `told`, too."""

    runtime: Runtime
    told: _Told

    @property
    def name(self) -> str:
        """See `Runtime.name`."""
        return self.runtime.name

    def availability(self) -> Availability:
        """See `Runtime.availability`."""
        return self.runtime.availability()

    def prepare(self, package: Package, report: _Told = print) -> Image:
        """See `Runtime.prepare`."""

        def both(line: str) -> None:
            report(line)
            self.told(line)

        return self.runtime.prepare(package, both)

    def run(self, order: RunOrder, on_line: _Told | None = None) -> Outcome:
        """See `Runtime.run`."""

        def both(line: str) -> None:
            if on_line is not None:
                on_line(line)
            self.told(line)

        return self.runtime.run(order, both)

    def stop(self, job_id: str) -> bool:
        """See `Runtime.stop`."""
        return self.runtime.stop(job_id)
