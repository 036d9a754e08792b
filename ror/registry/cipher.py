"""Authenticated encryption: AES-256-GCM (NIST SP 800-38D), of the package cryptography.

It is loaded where identities are kept or opened, and nowhere else: no other part of the product needs it. AES-GCM and
not Fernet, for it binds a text to its place, so that sealed rows cannot be exchanged.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from ror.errors import ConfigurationError

__all__ = ["Cipher", "PlaceCipher", "make_key_file", "read_key_file", "subkey"]

_KEY_BYTES = 32
_NONCE_BYTES = 12  # random, so at most 2**32 texts under one key (SP 800-38D 8.3)
_OTHERS = 0o077


class Cipher:
    """Seals and opens texts under one key; shows nothing of it."""

    __slots__ = ("_aead", "_refused")

    def __init__(self, key: bytes) -> None:
        self._aead: Any = _library("cryptography.hazmat.primitives.ciphers.aead").AESGCM(key)
        self._refused: type[Exception] = _library("cryptography.exceptions").InvalidTag

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Nonce (12 bytes), encrypted text and tag (16 bytes), to be opened at the same `place` only."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + bytes(self._aead.encrypt(nonce, text, place))

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The text, or `ConfigurationError`: another key, another place, or changed."""
        try:
            return bytes(self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place))
        except self._refused:
            raise _closed() from None


class PlaceCipher:
    """Seals short texts, of which each place only ever has one; so the nonce is made of the place and not kept.

    Two texts for one place would share a nonce, which AES-GCM does not forgive: a place is named by a keyed digest of
    its text, or something else that no other text can have.
    """

    __slots__ = ("_aead", "_nonces", "_refused")

    def __init__(self, key: bytes) -> None:
        library = _library("cryptography.hazmat.primitives.ciphers.aead")
        self._aead: Any = library.AESGCM(subkey(key, "text of a place"))
        self._nonces = subkey(key, "nonce of a place")
        self._refused: type[Exception] = _library("cryptography.exceptions").InvalidTag

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Encrypted text and tag (16 bytes); the same bytes each time."""
        return bytes(self._aead.encrypt(self._nonce(place), text, place))

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """As `Cipher.open`."""
        try:
            return bytes(self._aead.decrypt(self._nonce(place), sealed, place))
        except self._refused:
            raise _closed() from None

    def _nonce(self, place: bytes) -> bytes:
        return hmac.digest(self._nonces, place, hashlib.sha256)[:_NONCE_BYTES]


def subkey(key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, of which another purpose's tells nothing (SP 800-108 with HMAC-SHA-256)."""
    return hmac.digest(key, f"ror\0{purpose}".encode(), hashlib.sha256)


def _closed() -> ConfigurationError:
    return ConfigurationError(
        "a sealed identity does not open: the key is another one, or the row was changed",
        advice="give the key file of this project; if it is that, restore the database from a backup",
    )


def make_key_file(file: Path) -> bool:
    """Make a key in a file of mode 0600; False if there is one. `ConfigurationError` where it could not be used."""
    Cipher(bytes(_KEY_BYTES))
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(os.urandom(_KEY_BYTES).hex())
        stream.flush()
        os.fsync(stream.fileno())
    return True


def read_key_file(file: Path) -> bytes:
    """The key in a file that nobody else may read.

    Raises
    ------
    ConfigurationError
        It is not there, no key, or readable by others.
    """
    try:
        if file.stat().st_mode & _OTHERS:
            raise ConfigurationError(
                f"{file} may be read by others than its owner",
                advice=f"chmod 600 {file}, and ask who has read it",
            )
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the key of identities cannot be read from {file}: {type(error).__name__}",
            advice="restore it from its copy, or name it with --key; without it identities stay closed",
        ) from error
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(
            f"{file} holds no key of {_KEY_BYTES} bytes", advice="restore it from its copy"
        )
    return key


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            "identities cannot be encrypted: the package cryptography is not installed",
            advice="pip install cryptography",
        ) from error
