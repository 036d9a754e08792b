"""The output folder of a job on one host: what a host that was given up for lost still writes reaches no other's."""

from __future__ import annotations

import os
from pathlib import Path

from ror.model import JobFolder

__all__ = ["own_output"]


def own_output(folder: JobFolder, host: str) -> Path:
    """Make the host's own output folder, and let the job's `output` lead there.

    The same host gets the same folder again, since a container that survived its worker writes into it.
    """
    own = folder.root / "outputs" / host
    if folder.output.is_dir() and not folder.output.is_symlink():  # of an earlier release
        own.parent.mkdir(parents=True, exist_ok=True)
        folder.output.rename(own)
    own.mkdir(parents=True, exist_ok=True)
    link = own.with_name(f"{host}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(own, folder.root))
    link.replace(folder.output)  # at once: there is never none
    return own
