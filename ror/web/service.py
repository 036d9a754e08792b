"""DICOMweb over the parts of an `App`, for as long as `ror serve` runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.middleware import Middleware
from starlette.routing import Route

from ror.app import App
from ror.engine import AwayJobs
from ror.web.application import application
from ror.web.away import Away
from ror.web.finding import Finding
from ror.web.metrics import Metrics
from ror.web.metrics_now import Now
from ror.web.metrics_since import Ended, Objects
from ror.web.retrieving import Retrieving
from ror.web.search import Search
from ror.web.searching import searching
from ror.web.server import WebServer
from ror.web.shelf import Shelf
from ror.web.store import Storing
from ror.web.submission import Submission
from ror.web.taking import Taking

__all__ = ["serving"]

_MIB = 2**20


@contextmanager
def serving(app: App) -> Iterator[WebServer | None]:
    """Serve until the block ends; None where the settings do not ask for it."""
    settings, limits = app.settings.web, app.settings.listener
    if not settings.enabled:
        yield None
        return
    taking = Taking(app.intake)
    submission = Submission(app)
    storing = Storing(taking, limits.max_object_mib * _MIB)
    shelf = Shelf(app.database, app.home.archive, app.index.flush)
    routes = [
        Route("/studies", storing.store, methods=["POST"]),
        Route("/studies/{study}", storing.store, methods=["POST"]),
        *searching(Search(shelf, Finding(shelf))),
        *Retrieving(shelf).routes(),
    ]
    collectors = [Now(app), Objects(app.intake.tally), Ended(app.database, app.timings)]
    made = application(
        routes,
        app.tokens,
        settings.max_requests,
        limits.idle_seconds,
        origins=settings.allowed_origins,
        without_token=[Middleware(Metrics, collectors=collectors, sources=settings.metrics_from)],
        beside=[*submission.routes(), *Away(app).routes()],
        needing=AwayJobs(app.database).project_of,
    )
    server = WebServer(settings, made, limits.request_seconds)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        submission.close()
        taking.close()
