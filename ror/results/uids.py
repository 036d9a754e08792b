"""UIDs of what we make: derived from the job, so that making it again replaces it instead of doubling it."""

from __future__ import annotations

import hashlib

from ror.hashed_uid import hashed_uid

__all__ = ["derive_uid"]


def derive_uid(job_id: str, role: str) -> str:
    """UID below ``2.25`` (PS3.5 B.2) for one role in one job.

    Parameters
    ----------
    role
        What the UID names, unique inside the job: ``"seg/lungs"``, ``"tracking/lungs/1"``.

    Returns
    -------
    str
        ``2.25.`` and the decimal form of a UUID (version 8: made of a hash); at most 44 characters.
    """
    return hashed_uid(hashlib.sha256(f"{job_id}\0{role}".encode()).digest())
