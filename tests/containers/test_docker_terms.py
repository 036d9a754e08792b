"""What Docker says of a container that it does not start."""

from __future__ import annotations

import pytest

from containers.docker_terms import wants_card


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
