"""``ror deid profile``: what a de-identification profile does to which attributes."""

from __future__ import annotations

import click

__all__ = ["profile"]


@click.group()
def profile() -> None:
    """List, show and compare de-identification profiles.

    Example: ror deid profile list
    """
