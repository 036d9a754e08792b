"""Contenders take turns; the median of the rounds counts, or the best."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["bests", "medians", "processor_seconds", "seconds"]


def medians(contenders: Mapping[str, Callable[[int], float]], rounds: int) -> dict[str, float]:
    """Let each contender measure itself once in every round (its argument: the round's number from 0)."""
    return {name: statistics.median(values) for name, values in _turns(contenders, rounds).items()}


def bests(
    contenders: Mapping[str, Callable[[int], float]], rounds: int, best: Callable[[list[float]], float]
) -> dict[str, float]:
    """The same, for what only a processor limits; `best` is `min` for times and `max` for rates.

    What others do on the same silicon slows each contender by up to twice for seconds on end, and never speeds it up.
    """
    return {name: best(values) for name, values in _turns(contenders, rounds).items()}


def _turns(contenders: Mapping[str, Callable[[int], float]], rounds: int) -> dict[str, list[float]]:
    """Every second round goes backwards, so that no contender always comes behind the same other."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            measured[name].append(contenders[name](number))
    return measured


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_seconds(work: Callable[[], object]) -> float:
    """What one call takes of a processor, in this process and in those that it runs to their end.

    On a machine that others use, too, it is what the call would take alone, if it never waits.
    """
    began = _processor_seconds()
    work()
    return _processor_seconds() - began


def _processor_seconds() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)
