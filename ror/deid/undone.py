"""The list of what did not come out: beside the folder, for the operator alone, since names of files name patients."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ror.deid.tally import Undone

__all__ = ["UndoneList"]

_COLUMNS = ("file", "outcome", "reason", "tag", "what", "advice")


class UndoneList:
    """``OUT.refused.tsv``, mode 0600, made anew by each run and absent if there is nothing to list.

    Also a list of a run that was stopped or has failed stays, with what it has met.
    """

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f"{out.name}.refused.tsv")
        self._lines = 0

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)  # whoever may read an older one has it open at most
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
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
