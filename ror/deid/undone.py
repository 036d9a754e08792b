"""The list of what did not come out: beside the folder, for the operator alone, since names of files name patients."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ror.deid.tally import Undone
from ror.errors import ConfigurationError

__all__ = ["UndoneList"]

_COLUMNS = ("file", "outcome", "reason", "tag", "what", "advice")


class UndoneList:
    """``OUT.refused.tsv``, mode 0600, made anew by each run and absent if there is nothing to list.

    Also a list of a run that was stopped or has failed stays, with what it has met.
    """

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f"{out.name}.refused.tsv")
        self._out = out
        self._lines = 0

    def require_place(self) -> None:
        """Refuse a folder beside which nothing can be written, before anything is done.

        Raises
        ------
        ConfigurationError
            As for the top of a medium, whose folder above is not of the medium.
        """
        there = next(folder for folder in self._out.parents if folder.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise self._no_place()

    def _no_place(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path} cannot be written: it lists what does not come out, and may name patients",
            advice=f"name a folder in a folder that you may write: --out {self._out / 'research'}",
        )

    def __enter__(self) -> Self:
        try:
            self.path.unlink(missing_ok=True)  # whoever may read an older one has it open at most
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise self._no_place() from error
        # Names of files need not be text; they come out as the bytes they are.
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="")
        self._table = csv.writer(self._file, delimiter="\t", lineterminator="\n")
        self._table.writerow(_COLUMNS)
        return self

    def add(self, one: Undone) -> None:
        """Write a line."""
        self._table.writerow((one.path, one.outcome, one.reason, one.tag, one.what, one.advice))
        self._lines += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._lines:
            self.path.unlink()
