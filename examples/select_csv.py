"""The jobs that a statement makes of a CSV of series: python examples/select_csv.py series.csv "select …"."""

import sys
from pathlib import Path

import select_lang

table, text = sys.argv[1:]
try:
    statement = select_lang.read(text)
    explanation = select_lang.explain(statement, select_lang.read_table(Path(table)).series)
except (select_lang.SelectError, select_lang.TableError) as error:
    raise SystemExit(str(error)) from error
for match in explanation.matches:
    print(select_lang.match_id(statement, match), *(f"{one.name}={one.series_uid}" for one in match.series))
print(explanation.sentence)
