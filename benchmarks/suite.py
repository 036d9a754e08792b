"""The benchmarks by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from benchmarks import (
    deid,
    develop,
    engine,
    gateway,
    many,
    path,
    redcap,
    results,
    schedule,
    search,
    select,
    start,
    tls,
    web,
)
from benchmarks.figure import Figure
from benchmarks.scale import Scale

__all__ = ["SUITE"]

SUITE: Mapping[str, Callable[[Scale, Path], list[Figure]]] = MappingProxyType(
    {
        "gateway": gateway.measure,
        "many": many.measure,
        "web": web.measure,
        "tls": tls.measure,
        "deid": deid.measure,
        "select": select.measure,
        "search": search.measure,
        "path": path.measure,
        "results": results.measure,
        "engine": engine.measure,
        "schedule": schedule.measure,
        "redcap": redcap.measure,
        "develop": develop.measure,
        "start": start.measure,
    }
)
