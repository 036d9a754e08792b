"""The folder that objects come out into: claimed by a marker, filled file by file, each whole or not there."""

from __future__ import annotations

import fcntl
import filecmp
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import IO

from anonymizer import ResearchInstance
from ror.errors import ConfigurationError, HomeInUse

__all__ = ["MARKER", "Placed", "Stamp", "Target", "require_apart"]

MARKER = ".ror-deid.json"
_INCOMING = ".incoming"


class Placed(Enum):
    """What was found where an object belongs."""

    NEW = "nothing: it is there now"
    SAME = "the same bytes"
    OTHER = "other bytes, which stay"


@dataclass(frozen=True, slots=True)
class Stamp:
    """By which profile and which key a folder is filled; two runs with one stamp make one folder.

    Attributes
    ----------
    profile
        Digest of the profile.
    key
        Fingerprint of the secret, which does not tell it.
    pseudonyms
        What the secret is: of a project, of a file, or thrown away.
    """

    profile: str
    key: str
    pseudonyms: str


@dataclass(frozen=True, slots=True)
class Target:
    """The folder; nothing is made by asking for one."""

    root: Path

    @contextmanager
    def claimed(self, stamp: Stamp, ready: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Be the only run that fills the folder, which is made, empty, or of the same stamp.

        `ready` is called when it is clear that the folder can be filled, and before it is stamped.

        Raises
        ------
        ConfigurationError
            The folder holds something else, was filled by another profile or key, or cannot be made.
        HomeInUse
            Another run fills it.
        """
        with self._locked() as marker:
            _require_same(self.root, marker.read(), stamp)
            ready()
            marker.seek(0)
            marker.truncate()
            json.dump(asdict(stamp), marker, indent=1)
            marker.flush()
            incoming = self.root / _INCOMING
            incoming.mkdir(exist_ok=True)
            _empty(incoming)  # what a killed run had begun to write
            try:
                yield
            finally:
                _empty(incoming)
                incoming.rmdir()

    def place(
        self,
        research: ResearchInstance,
        write: Callable[[ResearchInstance, Path], None],
        alone: AbstractContextManager[object],
    ) -> Placed:
        """Put an object where it belongs; `alone` keeps other processes from looking and renaming at once."""
        folder = self.root / research.patient_id / research.study_instance_uid / research.series_instance_uid
        target = folder / f"{research.sop_instance_uid}.dcm"
        temporary = self.root / _INCOMING / f"{uuid.uuid4().hex}.part"
        try:
            write(research, temporary)
            folder.mkdir(parents=True, exist_ok=True)
            with alone:
                if not target.exists():
                    temporary.rename(target)
                    return Placed.NEW
            same = filecmp.cmp(temporary, target, shallow=False)
        finally:
            temporary.unlink(missing_ok=True)
        return Placed.SAME if same else Placed.OTHER

    @contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if not (self.root / MARKER).exists() and any(self.root.iterdir()):
                raise ConfigurationError(
                    f"{self.root} is not empty, and `ror deid` has not made it",
                    advice="name a folder that is empty or not there yet",
                )
            stream = (self.root / MARKER).open("a+", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{self.root} cannot be written: {error.strerror}", advice="name a folder that you may write"
            ) from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HomeInUse(
                    f"another `ror deid` fills {self.root}", "wait for it, or name another folder"
                ) from error
            stream.seek(0)
            yield stream


def require_apart(source: Path, out: Path) -> None:
    """Refuse folders of which one is in the other: research and identified files must not lie together.

    Of a source that is one file, the folder counts that it lies in.

    Raises
    ------
    ConfigurationError
        They do; both are absolute paths without links.
    """
    if source.is_file():
        source = source.parent
    if out == source or source in out.parents:
        what = f"{out} is inside of {source}, with the identified files"
    elif out in source.parents:
        what = f"{source} is inside of {out}: identified files would lie beside those that are not"
    else:
        return
    raise ConfigurationError(what, advice=f"name a folder elsewhere: --out {_beside(source)}")


def _beside(source: Path) -> Path:
    return source.parent / f"{source.stem}-research"


def _require_same(root: Path, text: str, stamp: Stamp) -> None:
    if not text:
        return
    try:
        held = Stamp(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{root / MARKER} is damaged or of a later release", advice="name another folder"
        ) from error
    if held.key != stamp.key or held.pseudonyms != stamp.pseudonyms:
        gone = held.pseudonyms == "thrown away"
        raise ConfigurationError(
            f"{root} was filled with another key: its patients would get a second pseudonym",
            advice="that key was thrown away: name another folder, and give --key FILE to be able to go on"
            if gone
            else "give the key or project of the first run, or name another folder",
        )
    if held.profile != stamp.profile:
        raise ConfigurationError(
            f"{root} was filled by another profile ({held.profile}, now {stamp.profile})",
            advice="give the profile of the first run, or name another folder",
        )


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
