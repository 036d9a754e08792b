"""Rows of the index without files: what is searched for is found by them alone."""

from __future__ import annotations

from ror.archive import Description, Filed, Index

__all__ = ["CLASSES", "add"]

CT = "1.2.840.10008.5.1.4.1.1.2"
CLASSES = {"CT": CT, "MR": "1.2.840.10008.5.1.4.1.1.4"}


def add(
    index: Index, project: str, study: int, modality: str, series: int, count: int = 2, **attributes: str
) -> None:
    """Index a series; its files are of no interest here."""
    values = {
        "Modality": [modality],
        "PatientID": [f"P{study}"],
        "PatientName": [f"Name{study}^Given"],
        "StudyDate": [f"2026010{study}"],
        "SeriesNumber": [str(series)],
        "SeriesDescription": [f"series {series} of {study}"],
    } | {keyword: [value] for keyword, value in attributes.items()}
    for number in range(count):
        uid = f"1.{study}.{series}.{number}"
        one = Description(f"P{study}", f"1.{study}", f"1.{study}.{series}", uid, CLASSES[modality], values)
        index.add(project, one, Filed(f"{project}/{uid}.dcm", "ab" * 32, new=True), "", now=float(study))
