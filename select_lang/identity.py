"""Statement + match → the id of a job, the same wherever it is made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from select_lang.catalogue import Match
from select_lang.logic import flattened
from select_lang.tree import Statement
from select_lang.write import write

__all__ = ["match_id"]

_LENGTH = 20


def match_id(statement: Statement, match: Match) -> str:
    """The id of a job, made of content alone.

    It covers the statement as `write` writes it, and for each of its names the SeriesInstanceUIDs, sorted. So neither
    the spelling of the statement (capitals of key words, quotes, brackets that change nothing, comments, `from study`)
    nor the order of the catalogue changes it, and no other attribute of a series does. A renamed name makes another
    job, since a workflow finds its input by the name.

    Returns
    -------
    str
        20 hexadecimal digits: the beginning of a SHA-256.
    """
    # `from` with a level has no meaning; with a limit it has.
    meant = replace(
        statement.select,
        source=statement.select.limit,
        wheres=tuple(
            replace(where, name=where.called, rules=flattened(where.rules))
            for where in statement.select.wheres
        ),
        checks=tuple(flattened(joins) for joins in statement.select.checks),
    )
    by_name = {
        name: sorted(one.series_uid for one in match.series if one.name == name) for name in statement.names
    }
    covered = json.dumps([write(meant), by_name], sort_keys=True)
    return hashlib.sha256(covered.encode()).hexdigest()[:_LENGTH]
