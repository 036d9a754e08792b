"""Out of quarantine: what could not be taken in takes the way in again, after its reason was mended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ror.gateway.answer import Answer, Status
from ror.gateway.intake import Intake
from ror.gateway.quarantine import Quarantine, QuarantinedObject

__all__ = ["Released", "release"]


@dataclass(frozen=True, slots=True)
class Released:
    """What became of one object: in the archive when the answer is SUCCESS, else in quarantine as before."""

    held: QuarantinedObject
    answer: Answer


def release(quarantine: Quarantine, intake: Intake, held: Iterable[QuarantinedObject]) -> Iterator[Released]:
    """Let objects into the project that has refused them, one after the other.

    Raises
    ------
    NotFound
        The file of one is gone; those before it are in the archive.
    """
    for one in held:
        answer = intake.receive(quarantine.read(one), one.project)
        if answer.status is Status.SUCCESS:
            quarantine.forget(one)
        yield Released(one, answer)
