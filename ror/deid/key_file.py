"""A secret in a file of its own: 32 random bytes, written as 64 hexadecimal digits, as those of projects are."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ror.errors import ConfigurationError

__all__ = ["new_key", "read_key", "write_key"]

_BYTES = 32


def new_key() -> bytes:
    """A secret that nobody has."""
    return secrets.token_bytes(_BYTES)


def write_key(file: Path, secret: bytes) -> None:
    """Keep a secret in a new file, for the owner only.

    Raises
    ------
    ConfigurationError
        The file cannot be made there, or is there.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"the key {file} cannot be made: {error.strerror}",
            advice="name a file in a folder that you may write",
        ) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{secret.hex()}\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_key(file: Path) -> bytes:
    """The secret in a file.

    Raises
    ------
    ConfigurationError
        It cannot be read, is no secret, or others may read it.
    """
    try:
        text, mode = file.read_text(encoding="ascii"), file.stat().st_mode
        secret = bytes.fromhex(text)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the key {file} cannot be read: {type(error).__name__}",
            advice="it holds 64 hexadecimal digits; name a file that is not there, and one is made",
        ) from None  # the cause of a ValueError would quote the secret
    if len(secret) != _BYTES:
        raise ConfigurationError(
            f"{file} is no key: it has {len(secret)} bytes, not {_BYTES}",
            advice="name a file that is not there, and one is made",
        )
    if mode & 0o077:
        raise ConfigurationError(f"others than its owner may use the key {file}", advice=f"chmod 600 {file}")
    return secret
