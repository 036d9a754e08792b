"""Packages that were read before: each step of a job asks for its package, which may hold the weights of a network."""

from __future__ import annotations

import time
from pathlib import Path

from containers.contents import State, state_of
from containers.package import Package

__all__ = ["KnownPackages"]

# The clock of the file system goes in steps: two changes within one of them look alike.
_LOOKS_SETTLED_NS = 10**9


class KnownPackages:
    """Loads packages; one that is loaded again is read again only if something in its folder has changed since.

    Any number of threads may ask it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], tuple[State, Package]] = {}

    def load(self, folder: Path, older_name: str = "") -> Package:
        """See `Package.load`."""
        # The state of before: what changes while it is read makes it be read once more.
        key, state = (folder, older_name), state_of(folder)
        known = self._known.get(key)
        if known is not None and known[0] == state:
            return known[1]
        package = Package.load(folder, older_name)
        if time.time_ns() - max(of_file[-1] for of_file in state) > _LOOKS_SETTLED_NS:
            self._known[key] = state, package
        return package
