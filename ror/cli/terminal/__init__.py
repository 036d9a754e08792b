"""What fills a terminal: the data of a project to walk through, and to tag; textual comes in here and nowhere else."""

from ror.cli.terminal.browser import Browser

__all__ = ["Browser"]
