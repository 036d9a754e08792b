"""One file: what it is, whose it is, de-identify it, put it where it belongs. All calls of `anonymizer` are here."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    Profile,
    Report,
    ResearchInstance,
    read_file,
    write_file,
)
from ror.deid.secret import OpenSecret
from ror.deid.source import no_file_of_an_object, not_readable, skipped
from ror.deid.tally import Outcome, Tally, Undone
from ror.deid.target import Placed, Target
from ror.errors import RorError, ServiceUnavailable
from ror.walking import Found

__all__ = ["Bench"]

_DAMAGED_MEDIUM: Final = (errno.EIO, errno.ESTALE)
# Until one of both is reached, files wait to be written: their headers are in memory, and small objects whole.
_TOGETHER: Final = 32
_TOGETHER_BYTES: Final = 4 * 1024 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file whose object is de-identified, and not written yet."""

    path: str
    research: ResearchInstance
    report: Report


@dataclass(frozen=True, slots=True)
class Bench:
    """What a process treats files with; what comes again in another file is not thought about again."""

    target: Target
    deidentifier: Deidentifier
    secret: OpenSecret
    alone: AbstractContextManager[object]

    @classmethod
    def of(
        cls, out: Path, profile: Profile, secret: OpenSecret, alone: AbstractContextManager[object]
    ) -> Bench:
        """For files into the folder `out`; `alone` keeps the processes of a run apart."""
        return cls(Target(out), Deidentifier(profile, secret.key), secret, alone)

    def treat(
        self, files: Iterable[Found], tally: Tally, stopped: Callable[[], bool] = lambda: False
    ) -> list[Undone]:
        """Count files in `tally`; give back those that did not come out. Ends what was begun when `stopped` says so.

        Some are de-identified, then written: what copies pixels drives out of the processor's caches what
        de-identifies, and by turns each file took a tenth longer.

        Raises
        ------
        ServiceUnavailable
            The folder cannot be written to any more; nothing is left half-written.
        """
        undone: list[Undone] = []
        ready: list[_Ready] = []
        loaded = 0
        for found in files:
            if stopped():
                break
            tally.bytes_read += found.size
            one = _safely(found.path, partial(self._deidentified, found.path))
            if isinstance(one, Undone):
                undone.append(one)
                continue
            ready.append(one)
            loaded += one.research.loaded
            if len(ready) == _TOGETHER or loaded > _TOGETHER_BYTES:
                undone += self._all_placed(ready, tally)
                ready, loaded = [], 0
        undone += self._all_placed(ready, tally)
        for one in undone:
            tally.add_undone(one)
        return undone

    def _deidentified(self, path: str) -> _Ready | Undone:
        try:
            undone = no_file_of_an_object(path)
            if undone is not None:
                return undone
            instance = read_file(Path(path), self.deidentifier.memory)
        except OSError as error:
            return not_readable(path, error)
        deidentify = self.deidentifier.deidentify
        try:
            subject = self.secret.subject(instance, lambda: deidentify(instance))
            research, report = deidentify(instance, subject)
        except OSError as error:
            return self._not_done(path, error)
        self.secret.keep(instance, research)
        return _Ready(path, research, report)

    def _all_placed(self, ready: Iterable[_Ready], tally: Tally) -> list[Undone]:
        undone = (_safely(one.path, partial(self._placed, one, tally)) for one in ready)
        return [one for one in undone if one is not None]

    def _placed(self, ready: _Ready, tally: Tally) -> Undone | None:
        try:
            placed = self.target.place(ready.research, write_file, self.alone)
        except OSError as error:
            return self._not_done(ready.path, error)
        if placed is Placed.OTHER:
            return Undone(
                ready.path,
                Outcome.REFUSED,
                "differs",
                "Another object of its SOPInstanceUID is in the folder, with other content",
                "Look at both; name another folder if the one there was cut short or made by an earlier release.",
            )
        tally.add(ready.research, ready.report, new=placed is Placed.NEW)
        return None

    def _not_done(self, path: str, error: OSError) -> Undone:
        # The pixels are read only now; the file may be gone, or its medium damaged.
        if error.filename == path or error.errno in _DAMAGED_MEDIUM:
            return not_readable(path, error)
        raise ServiceUnavailable(
            f"{self.target.root} cannot be written any more: {error.strerror or type(error).__name__}",
            "make room, and run the same command again: it goes on where it stopped",
        ) from error


def _safely(path: str, step: Callable[[], _T]) -> _T | Undone:
    """What a step gives for a file, or why the file does not come out."""
    try:
        return step()
    except DeidentificationError as refusal:
        if refusal.reason == "media_directory":
            return skipped(path, refusal.reason)
        return _refused(path, refusal)
    except RorError:
        raise
    except Exception as bug:  # noqa: BLE001  a bug met in one file must not end the run for all others
        return _bug(path, bug)


def _refused(path: str, refusal: DeidentificationError) -> Undone:
    return Undone(path, Outcome.REFUSED, refusal.reason, refusal.text, refusal.advice, refusal.tag)


def _bug(path: str, bug: Exception) -> Undone:
    # Its text may quote what it could not read, so only the place is told.
    place = traceback.extract_tb(bug.__traceback__)[-1]
    what = f"A fault of ours: {type(bug).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return Undone(
        path, Outcome.REFUSED, "fault_of_ours", what, "Report it; nothing of the object was written."
    )
