"""A real browser, and pages for it of another origin than the service: what a page says arrives as JSON."""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Pages", "browsing", "needs_chromium", "pages"]

CHROMIUM = Path("/usr/bin/chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="apt-get install chromium")
_DEADLINE_SECONDS = 120.0  # a browser that starts on a busy machine; what it says ends the waiting
# Its own questions to the world are none of ours; as root, there is no sandbox.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",  # without a screen or its card, pictures are drawn all the same
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True)
class Pages:
    """Some pages by their paths, at `origin`; what scripts POST anywhere there is `said`."""

    origin: str
    by_path: dict[str, str]
    _said: queue.Queue[Any] = field(default_factory=queue.Queue)

    def said(self) -> Any:
        """The next that a page has said; waits for it."""
        return self._said.get(timeout=_DEADLINE_SECONDS)


@contextmanager
def pages() -> Iterator[Pages]:
    """Serve pages until the block ends."""
    holder: list[Pages] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = holder[0].by_path.get(self.path)
            self._answer(200 if page else 404, (page or "").encode())

        def do_POST(self) -> None:
            holder[0]._said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer(200, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what failed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    holder.append(Pages(f"http://127.0.0.1:{server.server_port}", {}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield holder[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browsing(url: str) -> Iterator[None]:
    """Show a page in Chromium until the block ends."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", url]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()
