"""What TLS costs: objects per second into `ror serve` by C-STORE and by STOW-RS, with it and without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale
from benchmarks.web_servers import StowServer, ror_serve_web, store, turn

__all__ = ["measure"]

_STORESCU = Path("/usr/bin/storescu")  # by its path, since pynetdicom puts one of its own before it
_TLS, _PLAIN = "by TLS", "in plain"
_BUDGET = Budget.ratio(at_least=0.7)
_TOGETHER = 100


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Each of the two services gets the same number of new objects in each round."""
    if not (_STORESCU.exists() and shutil.which("openssl")):
        print("left out: dcmtk or openssl is not installed: apt-get install dcmtk openssl", file=sys.stderr)
        return []
    objects = CtObjects()
    certificate = _certificate(folder)
    with ExitStack() as stack:
        services = {
            _TLS: stack.enter_context(ror_serve_web(folder / "tls", certificate)),
            _PLAIN: stack.enter_context(ror_serve_web(folder / "plain")),
        }
        for one in services.values():
            store(one, list(objects.study(4)), 2)  # a warm-up
            _send(one, objects.write_study(folder / "warm-up", 4))
            shutil.rmtree(folder / "warm-up")
        ways: dict[str, Callable[[StowServer, int], float]] = {
            "C-STORE receive, 1 association": partial(_c_store, objects, scale.received, folder),
            "STOW-RS, one in each POST": lambda one, number: turn(one, objects, scale.received, 1, number),
            f"STOW-RS, {_TOGETHER} in each POST": lambda one, number: turn(
                one, objects, scale.received, _TOGETHER, number
            ),
        }
        rates = {
            what: medians({name: partial(way, one) for name, one in services.items()}, scale.rounds)
            for what, way in ways.items()
        }
    return [
        Figure(f"{what}, {_TLS}", rate[_TLS], "objects/s", f"the same {_PLAIN}", rate[_PLAIN], _BUDGET)
        for what, rate in rates.items()
    ]


def _c_store(objects: CtObjects, count: int, folder: Path, server: StowServer, number: int) -> float:
    study, before = objects.write_study(folder / f"sent-{number}", count), server.held()
    os.sync()  # nobody pays for what another has left in the page cache
    took = seconds(lambda: _send(server, study))
    arrived = server.held() - before
    assert arrived == count, f"{server.url} filed {arrived} of {count}"
    shutil.rmtree(study)
    return count / took


def _send(server: StowServer, study: Path) -> None:
    peer = server.peer
    assert peer is not None
    tls = ["--anonymous-tls", "--add-cert-file", server.certificate] if server.certificate else []
    address = ["-aet", "BENCH", "-aec", peer.ae_title, peer.host, str(peer.port)]
    # dcmtk leaves Nagle's algorithm on: 40 ms of waiting for each object.
    environment = {**os.environ, "TCP_NODELAY": "1"}
    subprocess.run([str(_STORESCU), "-R", "+sd", *tls, *address, str(study)], env=environment, check=True)


def _certificate(folder: Path) -> Path:
    """A key and its own certificate, in one file."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *kind, *subject, *files], check=True, capture_output=True)
    certificate.write_bytes(key.read_bytes() + certificate.read_bytes())
    return certificate
