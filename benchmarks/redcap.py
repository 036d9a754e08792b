"""Measurements into REDCap: how many calls, and what checking each value before it is sent costs."""

from __future__ import annotations

from pathlib import Path

from redcap.project import Project as PlainProject

from benchmarks.figure import Budget, Figure
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale
from ror.config import RedcapSettings
from ror.registry import Project
from ror.results import Redcaps, Row
from tests.support.redcap_server import TOKEN, Field, RedcapServer

__all__ = ["measure"]

_BATCH = 1000
_PLAIN = f"PyCap alone, {_BATCH} at once"
_NAME = "benchmark"
_FIELDS = (Field("record_id"), Field("volume", validation="number", minimum="0"))


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """The worst case, each measurement of a record of its own; the peer is PyCap with the same records, unchecked."""
    rows = [Row(f"P-{number}", "", "volume", number + 0.25) for number in range(scale.measurements)]
    records = [{"record_id": row.record_id, "volume": row.value} for row in rows]
    _write_token(folder / f"{_NAME}.redcap-token")
    with RedcapServer(_FIELDS) as server:
        plain = PlainProject(server.url, TOKEN)

        def ours() -> None:
            Redcaps(folder, RedcapSettings()).write(Project(_NAME, redcap_url=server.url), rows)

        def theirs() -> None:
            for first in range(0, len(records), _BATCH):
                plain.import_records(records[first : first + _BATCH])

        ours()
        calls = len(server.calls)
        assert len(server.records) == len(rows)
        times = medians({"ours": lambda _: seconds(ours), _PLAIN: lambda _: seconds(theirs)}, scale.rounds)
    what = f"{len(rows):,} measurements into REDCap"
    return [
        Figure(f"{what}: calls, the dictionary's included", calls, "calls", budget=Budget.value(at_most=9)),
        Figure(f"{what}: time, checked", times["ours"], "s", _PLAIN, times[_PLAIN]),
    ]


def _write_token(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(TOKEN, encoding="ascii")
