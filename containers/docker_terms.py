"""A run in Docker's words, and Docker's words on how it ended. Imports no SDK; `docker` does."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Any

from containers.runtime import Ending, Outcome, RunOrder, command_line, environment, exited, killed

__all__ = [
    "CARD_ADVICE",
    "ENDED_BY_DAEMON",
    "JOB_LABEL",
    "code_of_refusal",
    "container_settings",
    "instant",
    "outcome",
    "repository",
    "user",
    "wants_card",
]

JOB_LABEL = "ror.job"
CARD_ADVICE = (
    "Install the NVIDIA Container Toolkit beside Docker; a card is named by its number or UUID (nvidia-smi -L). "
    "A program that needs none is given none: gpu = false in workflow.toml."
)
# How a container ends with its daemon: by SIGTERM, by SIGKILL, or unseen (255) when the daemon itself was killed.
_BY_SIGKILL = 128 + 9
ENDED_BY_DAEMON = frozenset({128 + 15, _BY_SIGKILL, 255})
# An ancestor's image with this label ends its command with /output by itself, and wants the call as its
# arguments.
_ANCESTOR_LABEL = "com.ror.conda.env.name"
# Owns nothing on the host and in no image; used when the engine itself is root.
_NOBODY = 10001
_TMP_MIB = 1024


def repository(name: str) -> str:
    """A workflow's name as Docker allows it in an image name: underscores only inside, one at a time."""
    return re.sub(r"_+", "_", name).strip("_")


def user() -> tuple[int, int]:
    """User and group of the program: never root; else the engine's own, so that it can read the outputs."""
    return (_NOBODY, _NOBODY) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def container_settings(order: RunOrder, image_labels: dict[str, str], cores: int) -> dict[str, Any]:
    """Keyword arguments for creating the container, all but mounts and devices.

    Parameters
    ----------
    image_labels
        Labels of the image; an ancestor's image is called in its own way.
    cores
        Cores of the daemon's machine: it refuses a container that asks for more.
    """
    limits = order.limits
    uid, gid = user()
    settings: dict[str, Any] = {
        "name": f"{JOB_LABEL}.{order.job_id}",
        "labels": {JOB_LABEL: order.job_id, "ror.workflow": order.package.manifest.name},
        "environment": environment(order, "/tmp"),
        "user": f"{uid}:{gid}",
        "network_mode": "none",
        "read_only": True,
        # As process 1 a program would ignore SIGTERM, and its orphans would stay as zombies and fill `pids_limit`.
        "init": True,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,size={_TMP_MIB}m,mode=1777"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{limits.memory_mib}m",
        # The same as memory: no swap on top of it.
        "memswap_limit": f"{limits.memory_mib}m",
        "nano_cpus": int(min(limits.cpus, cores) * 1e9),
        "pids_limit": limits.pids,
        "shm_size": f"{limits.shm_mib}m",
    }
    words = command_line(order.package.manifest, "/data", "/output")
    if order.package.manifest.announced:
        # As entrypoint, so that one the image may have does not come in between.
        settings |= {"entrypoint": list(words[:1]), "command": list(words[1:]), "working_dir": "/app"}
    elif _ANCESTOR_LABEL in image_labels and not order.package.manifest.command:
        settings["command"] = ["python", "./stub.py", "/data"]
    else:
        settings["command"] = list(words)
    return settings


def wants_card(refusal: str) -> bool:
    """Whether Docker did not start a container since it can give it no card, or not the one that was named."""
    said = refusal.lower()
    return "nvidia-container" in said or ("device driver" in said and "gpu" in said)


def code_of_refusal(refusal: str) -> int | None:
    """The exit code of a shell for a program that cannot be started; None where it is not the program's fault."""
    # Podman says this of whatever the machine does not let it do.
    said = refusal.lower().replace("oci permission denied", "")
    if "permission denied" in said:
        return 126
    return 127 if "not found" in said or "no such file" in said else None


def outcome(state: dict[str, Any], ending: Ending | None, order: RunOrder, *, tells_memory: bool) -> Outcome:
    """Read the ``State`` of an ended container; `ending` is why we ended it, if we did.

    Podman before 5 does not tell (`tells_memory`) which program was over its memory: then one that was ended by SIGKILL
    counts as such, which is also said.
    """
    code, unsure = int(state["ExitCode"]), ""
    if ending is None and state["OOMKilled"] and code != 0:
        ending = Ending.OUT_OF_MEMORY
    elif ending is None and not tells_memory and code == _BY_SIGKILL:
        ending, unsure = Ending.OUT_OF_MEMORY, ", or by another: Podman tells which from version 5 on"
    started_at, ended_at = instant(state["StartedAt"]), instant(state["FinishedAt"])
    if ending is None:
        return Outcome(Ending.EXITED, code, started_at, ended_at, exited(code))
    return Outcome(ending, None, started_at, ended_at, f"{killed(ending, order.limits)}{unsure}")


def instant(text: str) -> datetime:
    """A time of Docker's (RFC 3339 with nanoseconds) in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
