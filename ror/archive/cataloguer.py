"""Keeps the catalogue true when the rules of a project change, and fills that of an older home."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from ror.archive.catalogue import Catalogue
from ror.errors import RorError

__all__ = ["Cataloguer"]

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 30.0


class Cataloguer:
    """Writes the settled studies into the catalogue again that it does not know, or knows by other rules.

    New studies do not wait for it: they are written when they are matched.
    """

    def __init__(self, catalogue: Catalogue, projects: Callable[[], Iterable[str]]) -> None:
        self._catalogue = catalogue
        self._projects = projects
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cataloguer", daemon=True)

    def start(self) -> None:
        """Look at once, and every 30 s from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the study at hand."""
        self._stop.set()
        self._thread.join()

    def tick(self) -> int:
        """Write what is outdated; return the number of studies."""
        written = 0
        for project, study_uid in self._catalogue.outdated(self._projects()):
            if self._stop.is_set():
                break
            self._catalogue.write(project, study_uid)
            written += 1
        if written:
            _log.info("%d studies written into the catalogue by the rules there are now", written)
        return written

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except RorError as error:
                _log.warning("the catalogue is not brought up to date for now: %s", error)
            except Exception:  # noqa: BLE001  a fault met in one study must not end it for all others
                _log.exception("the catalogue is not brought up to date: internal error; please report it")
            self._stop.wait(_EVERY_SECONDS)
