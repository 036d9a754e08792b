"""Makes devices.toml from the recipe that PyPI's `deid` carries (MIT; LICENSE.deid lies beside it).

    pip download --no-deps deid==0.4.13 && tar xzf deid-0.4.13.tar.gz
    python anonymizer/pixels/data/update.py deid-0.4.13/deid/data/deid.dicom > anonymizer/pixels/data/devices.toml

The recipe's rectangles were contributed by users of deid and of RSNA's CTP (its own comments say by whom). Taken are
the rules with rectangles that can match at all: with known keywords, defined terms of Modality, and attributes of the
data set. A rule that names neither Rows nor Columns holds at any size in the recipe; here only where its widest
rectangle, begun at the left edge, ends at the right edge, for at another size its text lies elsewhere.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main"]

KEYWORDS = {
    "BurnedInAnnotation", "Columns", "CommentsOnRadiationDose", "ImageType", "Manufacturer", "ManufacturerModelName",
    "Modality", "Rows", "SeriesDescription", "WindowWidth",
}  # fmt: skip
MODALITIES = {"CT", "MR", "NM", "PT", "US"}
HEAD = "# Made by update.py from deid 0.4.13, deid/data/deid.dicom (MIT, LICENSE.deid). Do not edit."


def labels(text: str) -> Iterator[tuple[str, list[str], list[list[int]]]]:
    """Name with contributor, criteria and rectangles (left, top, width, height) of each rule of the gray list."""
    gray = text.split("%filter graylist")[1].split("%filter blacklist")[0]
    for block in gray.split("LABEL ")[1:]:
        name, *lines = [line.strip() for line in block.splitlines() if line.strip() and line[0] != "#"]
        boxes = [line.split(None, 1) for line in lines if "coordinates" in line]
        rectangles = []
        for kind, numbers in boxes:
            left, top, third, fourth = map(int, numbers.replace(" ", "").split(","))
            size = (third, fourth) if kind.startswith("ctp") else (third - left, fourth - top)
            rectangles.append([left, top, *size])
        yield name, [line.lstrip("+ ") for line in lines if "coordinates" not in line], rectangles


def conditions(criteria: list[str]) -> Iterator[dict[str, list[str | int]]]:
    """The criteria as attributes with their alternatives; `||` makes two rules of one."""
    choices: list[dict[str, list[str | int]]] = [{}]
    for line in criteria:
        grown = []
        for part in line.split("||"):
            _, keyword, value = part.split(None, 2)
            number = keyword in ("Rows", "Columns", "WindowWidth")
            values = [int(v) if number else v.strip() for v in value.split("|")]
            # A keyword that stands twice is narrowed by the later, longer one (GE, then GE MEDICAL).
            grown += [{**choice, keyword: values} for choice in choices]
        choices = grown
    yield from choices


def main(recipe: Path) -> None:
    """Print the rules."""
    print(HEAD)
    seen = set()
    for name, criteria, rectangles in labels(recipe.read_text(encoding="utf-8")):
        for when in conditions(criteria) if rectangles else ():
            if not {"Rows", "Columns"} & when.keys():
                widest = max(rectangles, key=lambda r: r[2])
                when["Columns"] = [widest[0] + widest[2]] if widest[0] == 0 and widest[2] >= 256 else [0]
            known = (
                when.keys() <= KEYWORDS and set(when.get("Modality", [])) <= MODALITIES and "Modality" in when
            )
            key = json.dumps([when, rectangles], sort_keys=True)
            if not known or when.get("Columns") == [0] or key in seen or "Manufacturer" not in str(when):
                continue
            seen.add(key)
            title, _, who = re.sub(r"\s+", " ", name).partition("#")
            print("\n[[device]]")
            print(f"name = {json.dumps(title.strip())}")
            print(f"source = {json.dumps('deid.dicom, ' + who.strip(' ()'))}")
            inside = ", ".join(f"{k} = {json.dumps(v[0] if len(v) == 1 else v)}" for k, v in when.items())
            print(f"when = {{ {inside} }}")
            print(f"mask = {json.dumps(rectangles)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
