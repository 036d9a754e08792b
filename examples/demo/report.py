"""What the demo says at its end: the path of each study in a few lines, and whether it went well."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from examples.data.study import GeneratedStudy
from examples.demo.service import Installation

__all__ = ["Finding", "dice", "leaks", "path_lines", "volume_lines"]

LUNG_DICE = 0.97
VOLUME_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report, and whether what it says is well."""

    line: str
    well: bool = True


def path_lines(installation: Installation, job: Mapping[str, Any], sent: GeneratedStudy) -> list[Finding]:
    """The way of one study, from what was sent to what lies in the PACS."""
    row, steps = job["job"], {step["step"]: step for step in job["steps"]}
    done = row["state"] == "succeeded"
    names = ", ".join(dict.fromkeys(one["name"] for one in row["series"]))
    results = {one["kind"]: one["sop_uid"] for one in job["results"]}
    held = sum(1 for _ in installation.pacs.iterdir())
    return [
        Finding(f"sent       {len(sent.files)} objects of patient {sent.identity.patient_id}"),
        Finding(f"filed as   patient {row['patient_id']}, study {row['study_uid']}"),
        Finding(f"matched    {row['workflow']} {row['version']}: {names}"),
        Finding(f"ran in     {steps.get('execute', {}).get('detail', '–')}", done),
        Finding(
            f"delivered  SEG {results.get('SEG', '–')}\n           SR  {results.get('SR', '–')}"
            if done
            else f"{row['state']}: {row['detail']}",
            done and {"SEG", "SR"} <= set(results) and held > 0,
        ),
    ]


def dice(found: Path, truth: Path) -> Finding:
    """Agreement of two label maps on one grid, labels taken together: 2|A∩B| / (|A|+|B|)."""
    a, b = (
        np.asanyarray(nibabel.as_closest_canonical(nibabel.load(one)).dataobj) > 0 for one in (found, truth)
    )
    value = 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
    return Finding(
        f"lung Dice  {value:.3f} against the reference mask (at least {LUNG_DICE})", bool(value >= LUNG_DICE)
    )


def volume_lines(
    measured: Mapping[str, float], implanted: Mapping[str, float], fields: Mapping[str, str]
) -> Iterable[Finding]:
    """Volumes found beside those implanted, mm³; `fields` maps a measurement to the label of the truth."""
    parts, well = [], True
    for field, label in fields.items():
        found, put = measured.get(field, 0.0), implanted[label]
        well = well and abs(found - put) <= VOLUME_TOLERANCE * put
        parts.append(f"{label} {found:.0f} of {put:.0f}")
    yield Finding(f"volumes    {', '.join(parts)} mm³ (found of implanted)", well)


def leaks(installation: Installation, studies: Iterable[GeneratedStudy]) -> Finding:
    """Look for every planted identity in every file behind the gate, the database and all logs."""
    tokens = [token for study in studies for token in study.identity.tokens()]
    folders = [str(one) for one in installation.folder.iterdir() if one.name != "sent"]
    grep = subprocess.run(
        ["grep", "-rlaiF", "--exclude-dir=quarantine", *(f"-e{token}" for token in tokens), *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    found = grep.stdout.split()
    told = "in no file, database or log" if not found else f"FOUND in {', '.join(found[:3])}"
    return Finding(f"identity   {len(tokens)} planted strings: {told}", not found and grep.returncode == 1)


def measurements(installation: Installation) -> dict[str, float]:
    """All measurements by field."""
    return {
        row["field_name"]: float(row["value"])
        for row in json.loads(installation.ror("measurements", "list", "--json"))
    }
