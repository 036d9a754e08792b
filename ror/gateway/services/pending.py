"""Requests for storage commitment that are not answered yet: files within quarantine, for they name identified UIDs."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ror.gateway.services.statuses import Refused, ServiceStatus
from ror.registry import Sender

__all__ = ["Commitment", "PendingCommitments", "Waiting"]

_log = logging.getLogger(__name__)
_FOLDER: Final = "commitments"
_MOST, _MOST_OF_SENDER, _MOST_BYTES = 5000, 500, 512 * 2**20
_BETWEEN: Final = "\0"  # in no AE title and no UID


@dataclass(frozen=True, slots=True)
class Commitment:
    """One request: pairs of SOP class and instance, as the sender names them; `asked_at` in seconds since the epoch."""

    sender: Sender
    transaction_uid: str = field(repr=False)
    instances: tuple[tuple[str, str], ...] = field(repr=False)
    asked_at: float

    @property
    def name(self) -> str:
        """Of its file. The same request again has the same name, and names never come from a peer."""
        said = (self.sender.calling_ae or "", self.sender.called_ae or "", self.transaction_uid)
        return hashlib.sha256(_BETWEEN.join(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits: its name, and who has asked when."""

    name: str
    sender: Sender
    asked_at: float


class PendingCommitments:
    """A file for each request (mode 0600), from when it is acknowledged until its result is.

    A request that an association has in hand is not `waiting`.
    """

    def __init__(self, quarantine: Path) -> None:
        self._folder = quarantine / _FOLDER
        self._in_hand = Counter[str]()
        self._known: dict[str, Waiting] = {}
        self._lock = threading.Lock()

    def keep(self, commitment: Commitment) -> None:
        """Keep a request durably, in the hand of its association.

        Raises
        ------
        Refused
            Too many wait, or the disk takes no more.
        """
        waiting = Waiting(commitment.name, commitment.sender, commitment.asked_at)
        with self._lock:
            try:
                self._require_room(waiting)
                self._write(commitment)
            except OSError as error:
                _log.error("a request for storage commitment cannot be kept: %s", error.strerror)
                told = "the request cannot be kept; send it again later"
                raise Refused(ServiceStatus.RESOURCE_LIMITATION, told) from error
            self._in_hand[waiting.name] += 1
            self._known[waiting.name] = waiting

    def release(self, name: str) -> None:
        """Its association has it in hand no more."""
        with self._lock:
            self._in_hand[name] -= 1
            if self._in_hand[name] <= 0:
                del self._in_hand[name]

    def forget(self, name: str) -> None:
        """It is answered, or given up."""
        with self._lock:
            self._known.pop(name, None)
            self._path(name).unlink(missing_ok=True)

    def waiting(self) -> list[Waiting]:
        """All requests that no association has in hand, the oldest first."""
        with self._lock:
            files = [file for file in self._files() if not self._in_hand[file.stem]]
            return sorted(filter(None, self._heads(files)), key=lambda one: one.asked_at)

    def load(self, name: str) -> Commitment | None:
        """A request as it was kept; None if it is not there any more, or is none, which is logged.

        Raises
        ------
        OSError
            It cannot be read now.
        """
        try:
            said = json.loads(self._path(name).read_text(encoding="utf-8"))
            sender = Sender(said["calling_ae"], said["called_ae"], said["address"])
            instances = tuple((sop_class, uid) for sop_class, uid in said["instances"])
            return Commitment(sender, said["transaction_uid"], instances, float(said["asked_at"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            _log.error("%s cannot be read: %s", self._path(name), type(error).__name__)
            return None

    def discard_unfinished(self) -> None:
        """Remove what a killed process had begun to write, and never acknowledged."""
        for file in self._folder.glob("*.part"):
            file.unlink(missing_ok=True)

    def _require_room(self, new: Waiting) -> None:
        files = [file for file in self._files() if file.stem != new.name]
        of_sender = sum(one is not None and one.sender == new.sender for one in self._heads(files))
        bytes_ = sum(file.stat().st_size for file in files)
        # A sender that nobody can reach must not keep others from asking.
        if len(files) >= _MOST or of_sender >= _MOST_OF_SENDER or bytes_ > _MOST_BYTES:
            raise Refused(ServiceStatus.RESOURCE_LIMITATION, "too many requests wait for an answer")

    def _heads(self, files: list[Path]) -> Iterator[Waiting | None]:
        return (self._waiting(file.stem) for file in files)

    def _waiting(self, name: str) -> Waiting | None:
        # Their files may be long, and are not read again for who has asked.
        if name not in self._known:
            try:
                commitment = self.load(name)
            except OSError as error:
                _log.error("%s cannot be read: %s", self._path(name), type(error).__name__)
                return None
            if commitment is None:
                return None
            self._known[name] = Waiting(name, commitment.sender, commitment.asked_at)
        return self._known[name]

    def _files(self) -> list[Path]:
        return list(self._folder.glob("*.json"))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _write(self, commitment: Commitment) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        temporary = self._folder / f"{uuid.uuid4().hex}.part"
        text = json.dumps(
            {
                "calling_ae": commitment.sender.calling_ae,
                "called_ae": commitment.sender.called_ae,
                "address": commitment.sender.address,
                "transaction_uid": commitment.transaction_uid,
                "instances": commitment.instances,
                "asked_at": commitment.asked_at,
            }
        )
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._path(commitment.name))
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
