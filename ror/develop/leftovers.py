"""Images of patients that a killed ``ror trigger`` would have removed: the next one does."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["sweep", "to_be_removed"]

_MARK = "unfinished"


@contextmanager
def to_be_removed(data: Path, outputs: Path, runtime: str) -> Iterator[None]:
    """Remove the data of a run when the block ends, however it does; what is killed leaves a mark at its outputs."""
    outputs.mkdir(parents=True, exist_ok=True)
    mark = outputs / _MARK
    with mark.open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # which ends with us
        held.write(f"{runtime}\n{data}")
        held.flush()
        try:
            yield
        finally:
            shutil.rmtree(data, ignore_errors=True)
            if not data.exists():
                mark.unlink()


def sweep(runs: Path) -> Iterator[str]:
    """Remove the data that killed runs have left below a folder, and say so; a container may still read its own."""
    for mark in sorted(runs.glob(f"*/{_MARK}")):
        with suppress(BlockingIOError), mark.open(encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            runtime, _, named = held.read().partition("\n")
            data = Path(named or mark.parent / "never made")
            if data.exists() and runtime == "docker":
                yield f"a run that was killed has left images, which its container may read still: rm -r {data}"
                continue
            if data.exists():
                shutil.rmtree(data)
                yield f"removed the images that a killed run has left: {data}"
            mark.unlink()
