"""What becomes of a step that fails: how often it is tried again, after how long, and what gives up.

=================  =======================================================  ========================  =================
kind               which failures                                           tried again               waiting in between
=================  =======================================================  ========================  =================
not there          PACS, REDCap, container runtime, base image, database,   for as long as it takes   1 s, growing by
                   room on a disk, the settings while somebody writes them                            half, up to 60 s
host lost          the worker has died at it, or its host is silent         5 times                   0 s, then 2 s,
                                                                                                      doubling, to 60 s
out of memory      the program was ended for using more than it may         2 times                   30 s, then 60 s
program failed     the program has ended with another exit code than 0      `retries` of the          10 s, doubling,
                                                                            manifest, by default 0    up to 600 s
for good           whatever else: time limit, output, refusal, bug          never                     –
=================  =======================================================  ========================  =================

What gives up fails its job, which is then a dead letter (`ror.engine.dead_letters`) until somebody retries or drops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ror.errors import OutOfMemory, ProgramFailed, RorError, ServiceUnavailable

__all__ = ["RETRIES", "Kind", "Retries", "kind_of", "retries_of"]


class Kind(StrEnum):
    """In which way a try of a step has failed."""

    NOT_THERE = "not there"
    HOST_LOST = "host lost"
    OUT_OF_MEMORY = "out of memory"
    PROGRAM_FAILED = "program failed"
    FOR_GOOD = "for good"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often more (None: for as long as it takes), and how many seconds in between, ever more of them."""

    times: int | None
    first_seconds: float = 0.0
    grows: float = 1.0
    longest_seconds: float = 0.0
    at_once: int = 0

    def allow(self, failed: int) -> bool:
        """Whether it is tried again after so many tries that have failed in this way."""
        return self.times is None or failed <= self.times

    def wait_seconds(self, failed: int) -> float:
        """How long the next try waits after so many; `at_once` of them do not."""
        if failed <= self.at_once:
            return 0.0
        wait = self.first_seconds
        for _ in range(failed - self.at_once - 1):
            if (wait := wait * self.grows) >= self.longest_seconds:
                break
        return min(wait, self.longest_seconds)


RETRIES: Mapping[Kind, Retries] = {
    Kind.NOT_THERE: Retries(None, 1.0, 1.5, 60.0),
    Kind.HOST_LOST: Retries(5, 2.0, 2.0, 60.0, at_once=1),
    Kind.OUT_OF_MEMORY: Retries(2, 30.0, 2.0, 600.0),
    Kind.PROGRAM_FAILED: Retries(0, 10.0, 2.0, 600.0),  # its manifest may say otherwise
    Kind.FOR_GOOD: Retries(0),
}


def kind_of(fault: RorError) -> Kind:
    """The kind of a failure."""
    match fault:
        case ServiceUnavailable():
            return Kind.NOT_THERE
        case OutOfMemory():
            return Kind.OUT_OF_MEMORY
        case ProgramFailed():
            return Kind.PROGRAM_FAILED
        case _:
            return Kind.FOR_GOOD


def retries_of(fault: RorError) -> Retries:
    """How often a step that has failed so is tried again."""
    retries = RETRIES[kind_of(fault)]
    return replace(retries, times=fault.retries) if isinstance(fault, ProgramFailed) else retries
