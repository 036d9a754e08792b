"""Statements over a whole catalogue in a database, SQLite or PostgreSQL.

The rules of every name become one SQL expression, with which the database finds the groups that have them all; what is
left (checks, choices, the order of things) is done for these few by the same code that evaluates in plain Python.

A catalogue in a database has one row for each series, in which an attribute is a number: the id of its values in a
table of terms. A rule is asked of each term by the evaluator itself, and becomes the set of ids for which it holds. So
every operator means in the database what it means in Python, on whichever database, and a scan compares integers only.

Contract: `search` gives the matches that `select_lang.evaluate` gives for the same series, in the same order; it holds
the series of one patient in memory at a time (at level project: those of the job). It opens no connection.
"""

from __future__ import annotations

from select_lang.sql.run import search
from select_lang.sql.tables import CatalogueTables, term_text

__all__ = ["CatalogueTables", "search", "term_text"]
