"""One file: what it is, whose it is, de-identify it, put it where it belongs. All calls of `anonymizer` are here."""

from __future__ import annotations

import errno
import traceback
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    IdentifiedInstance,
    Profile,
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

_DAMAGED_MEDIUM = (errno.EIO, errno.ESTALE)


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

    def treat(self, found: Found, tally: Tally) -> Undone | None:
        """Count one file in `tally`; give it back if it did not come out.

        Raises
        ------
        ServiceUnavailable
            The folder cannot be written to any more; nothing is left half-written.
        """
        tally.bytes_read += found.size
        try:
            undone = self._undone(found, tally)
        except RorError:
            raise
        except Exception as bug:  # noqa: BLE001  a bug met in one file must not end the run for all others
            undone = _bug(found.path, bug)
        if undone is not None:
            tally.add_undone(undone)
        return undone

    def _undone(self, found: Found, tally: Tally) -> Undone | None:
        try:
            undone = no_file_of_an_object(found.path)
            if undone is not None:
                return undone
            instance = read_file(Path(found.path), self.deidentifier.memory)
        except OSError as error:
            return not_readable(found.path, error)
        except DeidentificationError as refusal:
            return _refused(found.path, refusal)
        try:
            return self._placed(found.path, instance, tally)
        except DeidentificationError as refusal:
            if refusal.reason == "media_directory":
                return skipped(found.path, refusal.reason)
            return _refused(found.path, refusal)
        except OSError as error:
            # The pixels are read only now; the file may be gone, or its medium damaged.
            if error.filename == found.path or error.errno in _DAMAGED_MEDIUM:
                return not_readable(found.path, error)
            raise ServiceUnavailable(
                f"{self.target.root} cannot be written any more: {error.strerror or type(error).__name__}",
                "make room, and run the same command again: it goes on where it stopped",
            ) from error

    def _placed(self, path: str, instance: IdentifiedInstance, tally: Tally) -> Undone | None:
        deidentify = self.deidentifier.deidentify
        subject = self.secret.subject(instance, lambda: deidentify(instance))
        research, report = deidentify(instance, subject)
        self.secret.keep(instance, research)
        placed = self.target.place(research, write_file, self.alone)
        if placed is Placed.OTHER:
            return Undone(
                path,
                Outcome.REFUSED,
                "differs",
                "Another object of its SOPInstanceUID is in the folder, with other content",
                "Look at both; name another folder if the one there was cut short or made by an earlier release.",
            )
        tally.add(research, report, new=placed is Placed.NEW)
        return None


def _refused(path: str, refusal: DeidentificationError) -> Undone:
    return Undone(path, Outcome.REFUSED, refusal.reason, refusal.text, refusal.advice, refusal.tag)


def _bug(path: str, bug: Exception) -> Undone:
    # Its text may quote what it could not read, so only the place is told.
    place = traceback.extract_tb(bug.__traceback__)[-1]
    what = f"A fault of ours: {type(bug).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return Undone(
        path, Outcome.REFUSED, "fault_of_ours", what, "Report it; nothing of the object was written."
    )
