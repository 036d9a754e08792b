"""UIDs that are made of a hash: the same for the same thing, wherever and whenever it is made."""

from __future__ import annotations

import uuid

__all__ = ["hashed_uid"]


def hashed_uid(digest: bytes) -> str:
    """UID below ``2.25`` (PS3.5 B.2) of a digest of at least 16 bytes: a UUID of version 8, at most 44 characters."""
    made = bytearray(digest[:16])
    made[6] = (made[6] & 0x0F) | 0x80  # RFC 9562 5.8: version 8
    made[8] = (made[8] & 0x3F) | 0x80  # RFC 9562 4.1: variant
    return f"2.25.{uuid.UUID(bytes=bytes(made)).int}"
