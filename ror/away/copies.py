"""The job folders of a host without the shared folder: copies of studies, for as long as the jobs are its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ror.archive import Aside
from ror.engine import AwayJobs
from ror.errors import RorError

__all__ = ["Copies"]

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 60.0
_ASIDE = ".removed"


class Copies:
    """Forgets what jobs have left that were handed over, have ended, or were given to another host meanwhile."""

    def __init__(self, jobs: AwayJobs, host: str, root: Path, every_seconds: float = _EVERY_SECONDS) -> None:
        self._jobs = jobs
        self._host = host
        self._root = root
        self._every = every_seconds
        self._aside = Aside(root)
        self._lock = threading.Lock()
        self._in_hand: set[str] = set()
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="copies", daemon=True)

    def start(self) -> None:
        """Look every minute from now on, the first time at once."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def look(self) -> None:
        """Look now, in the thread that looks."""
        self._wake.set()

    @contextmanager
    def in_hand(self, job_id: str) -> Iterator[None]:
        """Keep what there is of a job until the block ends, whatever becomes of the job."""
        with self._lock:
            self._in_hand.add(job_id)
        try:
            yield
        finally:
            with self._lock:
                self._in_hand.discard(job_id)

    def forget_others(self) -> None:
        """Remove the folders of jobs that are not this host's, and that nothing here works on.

        Raises
        ------
        ServiceUnavailable
            The database does not say whose they are.
        OSError
            A file cannot be removed.
        """
        if not self._root.is_dir():
            return
        with self._lock:
            there = [folder for folder in self._root.iterdir() if folder.name != _ASIDE]
            # Asked second: what comes meanwhile is not in the list.
            keep = self._jobs.of_host(self._host) | self._in_hand if there else frozenset()
            for folder in there:
                if folder.name not in keep:
                    self._aside.take(folder)  # at once: no half of one is ever found
        self._aside.empty()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.forget_others()
            except (RorError, OSError) as error:
                _log.warning("copies of studies stay here until the next look: %s", error)
            self._wake.wait(self._every)
            self._wake.clear()
