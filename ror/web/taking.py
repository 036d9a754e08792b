"""From a part of a STOW-RS request to the intake, in a thread of a few."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from anonymizer import DeidentificationError, OriginalIdentity
from ror.gateway import Intake, NotPart10, Received, Status
from ror.registry import Token
from ror.web.room import Room
from ror.web.stored import Stored

__all__ = ["Taking"]

# More would wait for the interpreter, and for the database, one after the other.
_THREADS = 4
_WAITING = 4
_UID = re.compile(r"[0-9.]{1,64}")


class Taking:
    """Takes instances in, some at once; who `submit`s more waits."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._room = Room(_THREADS + _WAITING)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="stow")

    async def submit(self, data: bytes, token: Token, study_uid: str | None) -> asyncio.Task[Stored]:
        """Begin to take in a file (PS3.10) as soon as there is room; it must be of the study, if one is named."""
        await self._room.enter(len(data))
        return asyncio.create_task(self._in_a_thread(data, token, study_uid))

    def close(self) -> None:
        """Wait until what has begun is filed."""
        self._threads.shutdown()

    async def _in_a_thread(self, data: bytes, token: Token, study_uid: str | None) -> Stored:
        size = len(data)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._take, data, token, study_uid)
        finally:
            await self._room.leave(size)

    def _take(self, data: bytes, token: Token, study_uid: str | None) -> Stored:
        try:
            received = Received.from_file(data, token.name)
        except NotPart10:
            return Stored("", "", Status.CANNOT_UNDERSTAND)
        if not (_UID.fullmatch(received.sop_class_uid) and _UID.fullmatch(received.sop_instance_uid)):
            return Stored("", "", Status.DATASET_MISMATCH)
        if study_uid is not None and _is_of_another_study(received, study_uid):
            status = Status.DATASET_MISMATCH
        else:
            status = self._intake.receive(received, token.project).status
        return Stored(received.sop_class_uid, received.sop_instance_uid, status)


def _is_of_another_study(received: Received, study_uid: str) -> bool:
    try:
        return OriginalIdentity.of(received.identified()).study_instance_uid != study_uid
    except DeidentificationError:
        return False  # the intake says what is wrong with it, and keeps it
