"""Which jobs does a select statement make of a table of series? Uses the package `select_lang` alone.

python examples/select_csv.py series.csv "select study where series named CT has Modality = CT"

Columns are attributes by keyword, with SeriesInstanceUID, StudyInstanceUID and PatientID among them; each row is one
series; several values are parted by a backslash.
"""

import argparse
import csv

import select_lang


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a select statement over a CSV of series.")
    parser.add_argument("table", type=argparse.FileType(encoding="utf-8"))
    parser.add_argument("statement")
    arguments = parser.parse_args()
    catalogue = []
    for row in csv.DictReader(arguments.table):
        values = {keyword: tuple(text.split("\\")) for keyword, text in row.items()}
        ids = (row["SeriesInstanceUID"], row["StudyInstanceUID"], row["PatientID"])
        catalogue.append(select_lang.Series(*ids, values))
    try:
        explanation = select_lang.explain(select_lang.read(arguments.statement), catalogue)
    except select_lang.SelectError as error:
        raise SystemExit(str(error)) from error
    for match in explanation.matches:
        print(match.level, match.key, *(f"{one.name}={one.series_uid}" for one in match.series))
    print(explanation.sentence)


if __name__ == "__main__":
    main()
