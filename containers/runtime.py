"""What every runtime promises, and the values that go in and come out."""

from __future__ import annotations

import enum
import json
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from containers.manifest import Manifest, Resources
from containers.package import Package

__all__ = [
    "Availability",
    "Ending",
    "Image",
    "Limits",
    "OnLine",
    "Outcome",
    "Report",
    "RunOrder",
    "Runtime",
    "command_line",
    "environment",
    "killed",
]

_USER = "ror"
_BY_SIGNAL = 128

OnLine = Callable[[str], None]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Availability:
    """Can the runtime work on this machine? `reason` says why not, and what to do.

    `lacks` says what a runtime that works has yet to get before it can prepare every package.
    """

    ok: bool
    reason: str = ""
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """What a package became in a runtime. `digest` pins it: the same digest is the same program, bit for bit.

    docker: `reference` is ``ror/<name>:<digest12>``, `digest` the image id ``sha256:...``.
    process: `reference` is the environment's folder, `digest` the package's digest.
    """

    runtime: str
    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use: MiB, cores, seconds, processes; `output_mib` on the disk of its results."""

    memory_mib: int = 4096
    cpus: float = 2.0
    timeout_s: float = 600.0
    pids: int = 256
    shm_mib: int = 64
    output_mib: int = 10240
    gpu: bool = False

    @classmethod
    def of(cls, resources: Resources) -> Limits:
        """The limits that a manifest asks for."""
        return cls(
            memory_mib=resources.memory_mib,
            cpus=resources.cpus,
            timeout_s=resources.timeout_s,
            pids=resources.pids,
            shm_mib=resources.shm_mib,
            output_mib=resources.output_mib,
            gpu=resources.gpu,
        )


@dataclass(frozen=True, slots=True)
class RunOrder:
    """One run: which program, on which data, where the results go, and what it may use.

    `options` are what the program gets as JSON in ROR_CONT_OPTIONS; the caller has merged the manifest's
    defaults into them. `output_dir` exists and is this run's alone; it is
    emptied before the program starts. `log_path` gets what the program printed. `gpus` are the cards it may use, none
    if empty; None for any one where the limits ask for a card.
    """

    job_id: str
    package: Package
    image: Image
    data_dir: Path
    output_dir: Path
    log_path: Path
    limits: Limits = field(default_factory=Limits)
    options: Mapping[str, object] = field(default_factory=dict)
    gpus: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        # The job id becomes a file name and a label.
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", self.job_id):
            raise ValueError(
                f"not a job id: {self.job_id!r}; letters, digits and . _ -, at most 128 characters"
            )


class Ending(enum.Enum):
    """How a run ended. Only EXITED has an exit code of the program's own choosing."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    TOO_MUCH_OUTPUT = "too much output"
    STOPPED = "stopped"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, in words for people in `detail`. Times are aware, in UTC.

    `exit_code` is None when the program never ended by itself; a program killed by signal n has 128 + n.
    """

    ending: Ending
    exit_code: int | None
    started_at: datetime
    ended_at: datetime
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Did the program end by itself with exit code 0?"""
        return self.ending is Ending.EXITED and self.exit_code == 0


def killed(ending: Ending, limits: Limits) -> str:
    """Why a program was ended from outside, in words."""
    return {
        Ending.TIMED_OUT: f"killed: over {limits.timeout_s:g} s",
        Ending.OUT_OF_MEMORY: f"killed: over {limits.memory_mib} MiB",
        Ending.TOO_MUCH_OUTPUT: f"killed: over {limits.output_mib} MiB of output",
        Ending.STOPPED: "stopped",
    }[ending]


def exited(code: int) -> str:
    """The exit code of a program in words: one above 128 is the signal that killed it."""
    try:
        name = signal.Signals(code - _BY_SIGNAL).name
    except ValueError:
        return f"exit code {code}"
    return f"exit code {code} ({name}: {(signal.strsignal(code - _BY_SIGNAL) or '').lower()})"


class Runtime(Protocol):
    """Runs workflow packages. One instance may be used from many threads."""

    @property
    def name(self) -> str:
        """``docker`` or ``process``."""

    def availability(self) -> Availability:
        """Say whether the runtime can work here, without changing anything."""

    def prepare(self, package: Package, report: Report = print) -> Image:
        """Make or find what `package` needs to run; the same digest is made once.

        Raises
        ------
        RuntimeUnavailable
            The runtime cannot work on this machine.
        ImageError
            The image or environment cannot be made; says why.
        """

    def run(self, order: RunOrder, on_line: OnLine | None = None) -> Outcome:
        """Run to the end, handing each line of output to `on_line`, in the calling thread.

        A run of the same job id that survived its parent is adopted (docker) or replaced (process), never
        doubled.

        Raises
        ------
        RuntimeUnavailable
            The runtime went away before the program started.
        ImageError
            The image is gone; `prepare` again.
        """

    def stop(self, job_id: str) -> bool:
        """End the run of that job, from any thread; False when none runs."""


def command_line(manifest: Manifest, data: str, output: str) -> tuple[str, ...]:
    """The words to execute: `data` and `output` are appended, unless the command has placeholders for them.

    ``{}`` and ``{input}`` stand for `data`, ``{output}`` for `output`, ``{descr}`` for ``<data>/descr.json``
    and ``{output_json}`` for ``<output>/output.json``.
    """
    values = {
        "{}": data,
        "{input}": data,
        "{output}": output,
        "{descr}": f"{data}/descr.json",
        "{output_json}": f"{output}/output.json",
    }
    # One pass, so that a folder's name that holds a placeholder is left alone.
    pattern = re.compile("|".join(re.escape(placeholder) for placeholder in values))
    words = tuple(pattern.sub(lambda found: values[found[0]], word) for word in manifest.command)
    return words if any(map(pattern.search, manifest.command)) else (*words, data, output)


def environment(order: RunOrder, scratch: str) -> dict[str, str]:
    """The variables every program gets; `scratch` is a writable folder of its own. A runtime adds PATH."""
    threads = str(max(1, int(order.limits.cpus)))
    return {
        "HOME": scratch,
        # Containers know no name of the user that programs run as; libraries ask for one, and fail.
        "LOGNAME": _USER,
        "USER": _USER,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PYTHONDONTWRITEBYTECODE": "1",
        # A pipe is block-buffered by default; then the log would come at the end, or not at all when killed.
        "PYTHONUNBUFFERED": "1",
        "ROR_CONT_OPTIONS": json.dumps(dict(order.options)),
    }
