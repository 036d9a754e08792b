"""Running what fills a terminal, where there is one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

from textual.app import App

from ror.errors import ConfigurationError

__all__ = ["filled_by"]


def filled_by(made: Callable[[], App[None]], otherwise: str) -> None:
    """Run an application until it is left; `otherwise` is the command that does without a terminal.

    Raises
    ------
    ConfigurationError
        There is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationError("there is no terminal to fill", advice=f"say {otherwise}")
    # Libraries warn of odd values with the values themselves, and would write them across the screen.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made().run()
