"""Storing by STOW-RS beside Orthanc's DICOMweb plugin, and how long a viewer's list of studies takes.

Only ours de-identifies, indexes, and makes each object durable before it answers.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import requests

from benchmarks.archive import PROJECT, studies
from benchmarks.figure import Budget, Figure
from benchmarks.loading import load
from benchmarks.objects import CtObjects
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale
from benchmarks.web_servers import orthanc_dicomweb, ror_serve_web, store, turn
from orthanc import ServerNotInstalled
from ror.app import App
from ror.registry import Right
from ror.web import serving
from select_lang.classification import Classifier

__all__ = ["measure"]

_OURS, _ORTHANC = "ror serve", "Orthanc's DICOMweb"
_BUDGET = Budget.ratio(at_least=3.0)
_ASKED = 20


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Objects per second, one in each POST and 100 in each, and milliseconds of questions over a large archive."""
    objects = CtObjects()
    figures = []
    with ExitStack() as stack:
        servers = {_OURS: stack.enter_context(ror_serve_web(folder / "ror"))}
        try:
            servers[_ORTHANC] = stack.enter_context(orthanc_dicomweb(folder / "orthanc"))
        except ServerNotInstalled as error:
            print(f"left out: {error}", file=sys.stderr)
        for one in servers.values():
            store(one, list(objects.study(4)), 2)  # a warm-up
        for what, together in (("one in each POST", 1), ("100 in each POST", 100)):
            turns = {
                name: partial(turn, one, objects, scale.received, together) for name, one in servers.items()
            }
            rates = medians(turns, scale.rounds)
            theirs = rates.get(_ORTHANC)
            peer = _ORTHANC if theirs else ""
            figures.append(Figure(f"STOW-RS, {what}", rates[_OURS], "objects/s", peer, theirs, _BUDGET))
    return figures + _questions(scale, folder / "archive")


def _questions(scale: Scale, folder: Path) -> list[Figure]:
    """How long a client waits for an answer, the median of 20, over an archive of so many series."""
    folder.mkdir(parents=True)
    (folder / "ror.toml").write_text("[web]\nenabled = true\nport = 0\n", encoding="utf-8")
    app = App(folder)
    made = list(studies(scale.catalogue))
    load(app.database.url, made, Classifier.shipped().digest)
    token = app.tokens.add("bench", PROJECT, frozenset({Right.READ}))
    asked = {
        "the first 50 studies": {"limit": "50"},
        "studies of one patient": {"PatientID": made[0][0].patient_id},
        "studies by date and modality": {"StudyDate": "20200101-20200201", "ModalitiesInStudy": "MR"},
        "studies by description": {"StudyDescription": "*THORAX*", "limit": "50"},
    }
    with serving(app) as server, requests.Session() as session:
        assert server is not None
        session.headers["Authorization"] = f"Bearer {token}"
        url = f"http://127.0.0.1:{server.port}/dicom-web/studies"
        figures = [
            Figure(f"QIDO-RS of {scale.catalogue} series: {what}", _median_ms(session, url, query), "ms")
            for what, query in asked.items()
        ]
    app.close()
    return figures


def _median_ms(session: requests.Session, url: str, query: dict[str, str]) -> float:
    def ask() -> None:
        session.get(url, params=query, timeout=300).raise_for_status()

    ask()
    return statistics.median(seconds(ask) * 1000 for _ in range(_ASKED))
