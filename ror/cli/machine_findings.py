"""What the doctor finds of the machine: versions, cards, ports, the clock.

None of it is needed everywhere, so nothing here makes the doctor fail: a host that only works needs no port, and one
without a card runs what wants none.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version

from ror import __version__
from ror.app import App
from ror.cli.findings import Finding
from ror.errors import ConfigurationError, HomeInUse
from ror.listening import listening_socket

__all__ = ["cards", "clock", "ports", "versions"]

_LIBRARIES = ("dbos", "docker", "pydicom", "pynetdicom")
_TIMEX_BYTES = 512  # more than struct timex has anywhere; all zero, it asks and sets nothing
_TIME_ERROR = 5


def versions(_app: App) -> Iterator[Finding]:
    """What is to be said with a question or a fault."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    yield Finding("versions", True, f"ror {__version__}, Python {platform.python_version()}, {libraries}")


def cards(app: App) -> Iterator[Finding]:
    """The cards that jobs may have here."""
    found = app.host().gpus
    told = ", ".join(f"{card.id} ({card.memory_mib} MiB)" for card in found)
    none = "none: nvidia-smi is not there or tells of none, so jobs with gpu = true wait for another host; "
    if app.settings.engine.gpus == "none":
        none = "none, as engine.gpus says; "
    mend = "install NVIDIA's driver, and for Docker its Container Toolkit"
    yield Finding("cards", bool(found), told or none + mend, needed=False)


def ports(app: App) -> Iterator[Finding]:
    """The ports of `ror serve` are free, or its own."""
    listener, web = app.settings.listener, app.settings.web
    yield _port(app, "port of listener", listener.host, listener.port, "listener.port")
    if web.enabled:
        yield _port(app, "port of web", web.host, web.port, "web.port")


def _port(app: App, what: str, host: str, port: int, setting: str) -> Finding:
    where = f"{host}:{port}"
    try:
        listening_socket(host, port, setting).close()
    except ConfigurationError as error:
        try:
            with app.home.exclusively():
                return Finding(what, False, f"{error.what}; {error.advice}", needed=False)
        except HomeInUse:
            return Finding(what, True, f"{where}, while ror serve of this home runs")
    return Finding(what, True, f"{where} is free" if port else f"any free one of {host}")


def clock(_app: App) -> Iterator[Finding]:
    """Whether the kernel's clock is kept in step: times on record and in results are by it."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state < 0:
        told = f"the kernel does not tell ({os.uname().sysname})"
    elif state == _TIME_ERROR:
        told = "nothing keeps it in step with a time server, as far as the kernel knows"
    else:
        yield Finding("clock", True, "kept in step with a time server")
        return
    yield Finding("clock", False, f"{told}; timedatectl set-ntp true, or install chrony", needed=False)
