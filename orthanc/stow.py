"""STOW-RS as a user (PS3.18 10.5): what is sent, straight from disk, and what the answer says of each object."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orthanc.errors import FileReport, NotSendable
from orthanc.part10 import Part10File
from orthanc.statuses import CANNOT_UNDERSTAND, SUCCESS, report_of

__all__ = ["StowBody", "batches", "read_answer"]

MOST_FILES = 100
MOST_BYTES = 64 * 2**20
_CHUNK_BYTES = 256 * 1024
_REFERENCED, _FAILED, _UID, _REASON = "00081199", "00081198", "00081155", "00081197"


def batches(files: Iterable[Part10File]) -> Iterator[list[Part10File]]:
    """Files in groups of at most 100 and 64 MiB; a longer file is alone."""
    batch: list[Part10File] = []
    size = 0
    for file in files:
        length = _length(file.path)
        if batch and (len(batch) == MOST_FILES or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += length
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class StowBody:
    """A multipart body of known length, read from disk as it is sent: no more than a chunk is in memory."""

    files: Sequence[Part10File]
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)
    _lengths: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lengths", tuple(_length(one.path) for one in self.files))

    @property
    def content_type(self) -> str:
        """For the head of the request."""
        return f'multipart/related; type="application/dicom"; boundary={self.boundary}'

    def __len__(self) -> int:
        return sum(len(self._head) + length for length in self._lengths) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        for file, length in zip(self.files, self._lengths, strict=True):
            yield self._head
            yield from _chunks(file.path, length)
        yield self._end

    @property
    def _head(self) -> bytes:
        return f"\r\n--{self.boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode("ascii")

    @property
    def _end(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")


def read_answer(
    answer: Mapping[str, Any], files: Iterable[Part10File], *, all_stored: bool
) -> tuple[list[FileReport], list[Part10File]]:
    """What the answer says of each file, and the files of which it says nothing.

    `all_stored` is what the status of the answer has said (200): then one that names no object is enough.
    """
    told = {uid: SUCCESS for uid, _item in _items(answer, _REFERENCED)}
    told |= {uid: _reason(item) for uid, item in _items(answer, _FAILED)}
    reports, silent = [], []
    for file in files:
        status = told.get(file.sop_instance_uid, SUCCESS if all_stored and not told else None)
        if status is None:
            silent.append(file)
        else:
            reports.append(report_of(file, status))
    return reports, silent


def _items(answer: Mapping[str, Any], tag: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in answer.get(tag, {}).get("Value") or ():
        if uids := item.get(_UID, {}).get("Value"):
            yield str(uids[0]), item


def _reason(item: Mapping[str, Any]) -> int:
    # A server that gives no reason, or none that is a number, has refused nevertheless.
    values = item.get(_REASON, {}).get("Value") or [CANNOT_UNDERSTAND]
    return int(values[0]) if str(values[0]).isdecimal() else CANNOT_UNDERSTAND


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise NotSendable(path, str(error)) from error


def _chunks(path: Path, length: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while length and (chunk := stream.read(min(_CHUNK_BYTES, length))):
                length -= len(chunk)
                yield chunk
    except OSError as error:
        raise NotSendable(path, str(error)) from error
    if length:
        raise NotSendable(path, "it has become shorter while it was sent")
