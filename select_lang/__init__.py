"""The select language: which series make one job.

Text → tree (`parse`) → checked tree (`check`) → matches (`evaluate`), reasons (`explain`) or text again (`write`). A
catalogue may come from a CSV (`read_table`), and a statement from a catalogue (`suggest`). This package knows no
database and no DICOM file; what it is asked about are `Series`: three identifiers and a mapping from attribute keywords
to values. README.md beside this file is the language by example.

>>> statement = read("select study where series named CT has Modality = CT and NumImages > 20")
>>> series = Series("1.2.3", "1.2", "P1", {"Modality": ("CT",), "NumImages": ("133",)})
>>> [match.key for match in evaluate(statement, [series])]
['1.2']

Contract: statements are immutable and compare by meaning; `read(write(s)) == s`; evaluation depends on nothing but the
statement and the set of series, never on their order; a value that makes no sense in a series makes a rule unknown, and
raises nothing. `SelectError` is the only exception that a text can cause, `TableError` the only one that the content of
a CSV can.
"""

from __future__ import annotations

from select_lang.catalogue import Match, NamedSeries, Series, Tuples
from select_lang.errors import Fault, SelectError, SelectSyntaxError, TableError, TableFault
from select_lang.evaluate import evaluate
from select_lang.explain import (
    Explanation,
    GroupReason,
    NameReason,
    Outcome,
    RuleReason,
    SeriesReason,
    explain,
)
from select_lang.identity import match_id
from select_lang.read import read, read_all
from select_lang.suggest import Suggestion, suggest
from select_lang.table import Table, read_table
from select_lang.tree import Level, Statement
from select_lang.write import write

__all__ = [
    "Explanation",
    "Fault",
    "GroupReason",
    "Level",
    "Match",
    "NameReason",
    "NamedSeries",
    "Outcome",
    "RuleReason",
    "SelectError",
    "SelectSyntaxError",
    "Series",
    "SeriesReason",
    "Statement",
    "Suggestion",
    "Table",
    "TableError",
    "TableFault",
    "Tuples",
    "evaluate",
    "explain",
    "match_id",
    "read",
    "read_all",
    "read_table",
    "suggest",
    "write",
]
