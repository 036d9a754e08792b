"""What is being done, told as it happens, and how long each step took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Steps"]


class Steps:
    """Seconds of each step; one line of log each."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time one step."""
        print(f"{name} …", flush=True)
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)
        print(f"{name}: {self.seconds[name]:.1f} s", flush=True)

    def skip(self, name: str, why: str) -> None:
        """Tell that a step was not needed."""
        self.seconds[name] = 0.0
        print(f"{name}: left out, {why}", flush=True)
