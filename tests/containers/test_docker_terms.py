"""What Docker says of a container that it does not start."""

from __future__ import annotations

import pytest

from containers.docker_terms import code_of_refusal, wants_card


@pytest.mark.parametrize(
    ("refusal", "is_of_cards"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', True),
        ('could not select device driver "nvidia" with capabilities: [[gpu]]', True),
        (
            "OCI runtime create failed: nvidia-container-cli: initialization error: load library failed: "
            "libnvidia-ml.so.1: cannot open shared object file: no such file or directory",
            True,
        ),
        ("nvidia-container-cli: device error: 7: unknown device", True),
        ('exec: "gpu": executable file not found in $PATH', False),
        ("exec /app/run.sh: no such file or directory", False),
        ("exec /app/run.sh: permission denied", False),
    ],
)
def test_a_missing_card_is_told_from_a_missing_program(refusal: str, is_of_cards: bool) -> None:
    assert wants_card(refusal) is is_of_cards


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ('unable to start container process: exec: "nothing": executable file not found in $PATH', 127),
        ("exec /app/run.sh: no such file or directory", 127),
        ("crun: cannot stat `/app/run.sh`: No such file or directory: OCI not found", 127),
        ("exec /app/run.sh: permission denied", 126),
        ("crun: open executable: Permission denied: OCI permission denied", 126),
        # Of these, a container and not its program is the reason: it may start later.
        ("error setting rlimits for ready process: operation not permitted: OCI permission denied", None),
        ("cannot set cpu limit: container could not join or create cgroup", None),
    ],
)
def test_a_program_that_cannot_start_is_told_from_a_container_that_cannot(
    refusal: str, code: int | None
) -> None:
    assert code_of_refusal(refusal) == code
