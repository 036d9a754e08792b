"""What is said in words again and again."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, thing: str) -> str:
    """``1 project``, ``2 projects``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
