"""Regenerate ``types.json`` from a wheel of PyPI's ``highdicom`` (MIT).

    pip download --no-deps highdicom==0.28.2 -d /tmp
    python anonymizer/data/update_types.py /tmp/highdicom-0.28.2-py3-none-any.whl

Of all attributes of all IODs (PS3.3) only those are taken whose row in Table E.1-1 of PS3.15 leaves a choice
(``X/Z/D``), or removes what some IOD requires: with their type at the top of an object for each IOD, and inside a
sequence for all IODs together. Where modules differ, the strictest type counts, so that what the type allows is allowed
by each of them.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

__all__ = ["main"]

HERE = Path(__file__).parent
STRICTEST_FIRST = ("1", "1C", "2", "2C", "3")
Types = dict[str, str]


def main(wheel: Path) -> Path:
    """Write the types found in `wheel` beside this script and return its path."""
    with zipfile.ZipFile(wheel) as archive:
        data = {
            name: json.loads(archive.read(f"highdicom/_standard/{name}.json"))
            for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
        }
        licence = next(n for n in archive.namelist() if n.endswith("licenses/LICENSE"))
        (HERE / "LICENSE.highdicom").write_bytes(archive.read(licence))
    top: dict[str, Types] = {}
    nested: Types = {}
    for iod in sorted(set(data["sop_class_iod_map"].values())):
        top[iod] = {}
        for module in data["iod_module_map"].get(iod, ()):
            attributes = data["module_attribute_map"].get(module["key"], ())
            _note(attributes, top[iod], nested, mandatory=module["usage"] == "M")
    codes = _codes()
    top = {iod: _needed(types, codes) for iod, types in top.items()}
    nested = _needed(nested, codes)
    header = {
        "standard": "DICOM PS3.3, modules and macros of each composite IOD",
        "taken_from": f"{wheel.name}:highdicom/_standard/ (PyPI, MIT; notice in LICENSE.highdicom)",
        "taken_from_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "written_by": "anonymizer/data/update_types.py",
    }
    target = HERE / "types.json"
    target.write_text(_layout(header, data["sop_class_iod_map"], top, nested), encoding="utf-8")
    return target


def _note(attributes: Sequence[dict[str, Any]], top: Types, nested: Types, *, mandatory: bool) -> None:
    wanted = _codes()
    at_top = [attribute for attribute in attributes if not attribute["path"]]
    for attribute in attributes:
        tag = tag_for_keyword(attribute["keyword"])
        if tag is None or f"{tag:08X}" not in wanted:
            continue
        parent = tag_for_keyword(attribute["path"][-1]) if attribute["path"] else None
        key, types = (f"{tag:08X}", top) if parent is None else (f"{parent:08X}/{tag:08X}", nested)
        # What is the whole of a module that may be left out may be left out.
        type_ = "3" if not mandatory and at_top == [attribute] else attribute["type"]
        both = (type_, types.get(key, "3"))
        types[key] = min(both, key=STRICTEST_FIRST.index)


@cache
def _codes() -> Types:
    table = json.loads(max(HERE.glob("ps315_*.json")).read_text(encoding="utf-8"))
    return {row["tag"]: row["basic"] for row in table["rules"]}


def _needed(types: Types, codes: Types) -> Types:
    return {
        key: type_
        for key, type_ in types.items()
        if "/" in codes[key[-8:]] or (codes[key[-8:]] == "X" and type_ in ("1", "2"))
    }


def _layout(header: dict[str, Any], sop_classes: Types, top: dict[str, Types], nested: Types) -> str:
    iods = ",\n".join(f"{json.dumps(iod)}: {json.dumps(_by_type(types))}" for iod, types in top.items())
    parts = (
        f'"header": {json.dumps(header, indent=1)}',
        f'"sop_classes": {json.dumps(dict(sorted(sop_classes.items())), indent=0)}',
        f'"iods": {{\n{iods}\n}}',
        f'"nested": {json.dumps(_by_type(nested))}',
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _by_type(types: Types) -> dict[str, list[str]]:
    by_type: dict[str, list[str]] = defaultdict(list)
    for key, type_ in sorted(types.items()):
        by_type[type_].append(key)
    return dict(sorted(by_type.items()))


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
