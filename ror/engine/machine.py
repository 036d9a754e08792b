"""What the machine has that a worker runs on: cores, memory, and the cards that NVIDIA's driver tells of."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ror.engine.capacity import Gpu, Host
from ror.errors import ConfigurationError

__all__ = ["Declared", "this_host"]

_ASK = ("--query-gpu=index,memory.total", "--format=csv,noheader,nounits")
_ANSWER_SECONDS = 30
_MIB_OF_GIB = 1024


@dataclass(frozen=True, slots=True)
class Declared:
    """What the settings say of a host; 0 and ``auto`` for what the machine has."""

    name: str
    slots: int
    in_flight: int
    cpus: float = 0.0
    memory_mib: int = 0
    gpus: str = "auto"
    labels: Sequence[str] = ()
    folder: bool = True


def this_host(declared: Declared) -> Host:
    """The host as it takes part.

    Raises
    ------
    ConfigurationError
        It declares cards that the driver does not know, without saying how much memory they have.
    """
    return Host(
        declared.name,
        declared.slots,
        declared.cpus or float(len(os.sched_getaffinity(0))),
        declared.memory_mib or _memory_mib(),
        _cards(declared.gpus),
        frozenset(declared.labels),
        declared.in_flight,
        declared.folder,
    )


def _memory_mib() -> int:
    """As the machine is sold: the kernel keeps a little, and a workflow that asks for 4 GiB may have a 4 GB machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return -(-pages // _MIB_OF_GIB) * _MIB_OF_GIB


def _cards(wanted: str) -> tuple[Gpu, ...]:
    if wanted == "none":
        return ()
    if wanted == "auto":
        return tuple(Gpu(card, memory) for card, memory in _known_cards().items())
    named = dict(part.partition(":")[::2] for part in wanted.split(","))
    known = {} if all(named.values()) else _known_cards()
    unknown = [card for card, memory in named.items() if not memory and card not in known]
    if unknown:
        raise ConfigurationError(
            f"engine.gpus: nvidia-smi tells of no card {', '.join(unknown)}",
            advice=f'say how much memory it has, in MiB: "{unknown[0]}:16384"',
        )
    return tuple(Gpu(card, int(memory or known[card])) for card, memory in named.items())


def _known_cards() -> Mapping[str, int]:
    """Memory (MiB) of each card by its index; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    try:
        told = subprocess.run(
            [program, *_ASK], capture_output=True, text=True, check=False, timeout=_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):  # a driver that hangs has no card for us
        return {}
    lines = [line.split(",") for line in told.stdout.splitlines() if told.returncode == 0]
    return {line[0].strip(): int(line[1]) for line in lines if len(line) == 2 and line[1].strip().isdigit()}
