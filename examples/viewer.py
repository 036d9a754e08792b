"""Look at what the archive holds in a browser: OHIF, a viewer of others (MIT), over DICOMweb of a running `ror serve`.

    ror token add viewer --project lungs --may read
    python -m examples.viewer --dicomweb http://127.0.0.1:8104/dicom-web --token ror_...

prints the address to open. In ror.toml, ``[web] allowed_origins = ["http://127.0.0.1:3000"]`` lets the viewer ask. The
viewer is fetched once, by npm, in the one version that was tried; 50 MB come, and 49 MB are kept of 204.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["CACHE", "VERSION", "configuration", "fetch", "serving"]

CACHE = Path.home() / ".cache" / "ror-viewer"
_PACKAGE, VERSION = "@ohif/app", "3.13.2"
_SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
_CONFIGURATION = "app-config.js"
# The viewer knows users of an identity provider, and no tokens: what it asks us for gets ours. It comes behind the "#"
# of an address, which browsers tell no server, and does not stay there.
_SHOWS_TOKEN = """
(() => {
    const root = ROOT;
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) {
        sessionStorage.setItem("token", given);
        history.replaceState(null, "", location.pathname + location.search);
    }
    const shown = `Bearer ${sessionStorage.getItem("token")}`;
    const open = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function (method, url, ...others) {
        open.call(this, method, url, ...others);
        if (String(url).startsWith(root)) this.setRequestHeader("Authorization", shown);
    };
    const ask = window.fetch;
    window.fetch = (what, how) => {
        const request = new Request(what, how);
        if (request.url.startsWith(root)) request.headers.set("Authorization", shown);
        return ask(request);
    };
})();
"""
# Networks for "click to segment", microscopy and maps of sources: three quarters of it, and nothing here needs them.
_LEFT_OUT = ("ort", "dicom-microscopy-viewer")


def fetch(cache: Path = CACHE) -> Path:
    """The folder of the viewer; `npm` brings it where it is not there yet."""
    folder = cache / VERSION
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as workplace:
        words = ["npm", "pack", "--silent", "--pack-destination", workplace, f"{_PACKAGE}@{VERSION}"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(workplace).glob("*.tgz")
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != _SHA512:
            raise SystemExit(f"{archive.name} is not what was tried; look why before you trust it")
        with tarfile.open(archive) as packed:
            packed.extractall(workplace, filter="data")
        viewer = Path(workplace) / "package" / "dist"
        for name in _LEFT_OUT:
            shutil.rmtree(viewer / name, ignore_errors=True)
        for file in viewer.rglob("*.map"):
            file.unlink()
        viewer.rename(folder)
    return folder


def configuration(dicomweb: str) -> str:
    """OHIF's configuration, as a script: one data source, and none of its own, which is on the internet."""
    of_source = {
        "friendlyName": "ror",
        "qidoRoot": dicomweb,
        "wadoRoot": dicomweb,
        "wadoUriRoot": dicomweb,
        "imageRendering": "wadors",
        "thumbnailRendering": "wadors",
        "enableStudyLazyLoad": True,
        "supportsFuzzyMatching": False,
        "supportsWildcard": True,
        "qidoSupportsIncludeField": True,
        "bulkDataURI": {"enabled": True},
    }
    source = {
        "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
        "sourceName": "ror",
        "configuration": of_source,
    }
    told = {
        "routerBasename": None,
        "extensions": [],
        "modes": [],
        "showStudyList": True,
        "defaultDataSourceName": "ror",
        "dataSources": [source],
    }
    return (
        f"window.config = {json.dumps(told, indent=1)};\n{_SHOWS_TOKEN.replace('ROOT', json.dumps(dicomweb))}"
    )


class _Handler(SimpleHTTPRequestHandler):
    """Files of the viewer, its configuration, and its one page for every path that is no file."""

    def __init__(self, *arguments: object, script: str, **named: object) -> None:
        self._script = script
        super().__init__(*arguments, **named)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == f"/{_CONFIGURATION}":
            body = self._script.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        if not Path(self.translate_path(path)).is_file():
            self.path = "/index.html"
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing: `ror serve` has a line of who reads what."""


@contextmanager
def serving(folder: Path, script: str, port: int = 0) -> Iterator[str]:
    """Serve a viewer with its configuration until the block ends; gives its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder), script=script))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dicomweb", default="http://127.0.0.1:8104/dicom-web", metavar="URL")
    parser.add_argument("--token", default="", help="of a project, that may read")
    parser.add_argument("--port", type=int, default=3000)
    arguments = parser.parse_args(words)
    if not arguments.token:
        raise SystemExit(
            "a token is missing, without which nothing is shown: `ror token add viewer --project NAME --may read` "
            "prints one, this once; give it as --token"
        )
    if not shutil.which("npm"):
        raise SystemExit("npm is not installed: apt-get install npm")
    with serving(fetch(), configuration(arguments.dicomweb), arguments.port) as origin:
        print(f"open {origin}/#token={arguments.token}; Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
