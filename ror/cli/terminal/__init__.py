"""What fills a terminal: the data of a project to walk through, and to tag; textual comes in here and nowhere else."""

from ror.cli.terminal.annotator import Annotator
from ror.cli.terminal.browser import Browser
from ror.cli.terminal.filling import filled_by

__all__ = ["Annotator", "Browser", "filled_by"]
