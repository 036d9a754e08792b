"""What the doctor finds of each ``[pacs.NAME]``: whether it answers, and shows what was sent to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import orthanc
from ror.app import App
from ror.cli.findings import Finding
from ror.config import PacsSettings
from ror.errors import RorError
from ror.pacs import peer_of
from ror.results import Outgoing, destination_of

__all__ = ["pacs"]

# An object that nobody has: it is asked for, and not found.
_NOBODYS = Outgoing("2.25.1", "2.25.2", "2.25.3", "IMAGE", Path())


def pacs(app: App) -> Iterator[Finding]:
    """Every PACS answers, and every folder is there; each is asked as it is after a delivery."""
    for name, settings in app.settings.pacs.items():
        if settings.folder:
            yield _folder(name, Path(settings.folder))
        elif settings.host or settings.dicomweb_url:
            yield _of_the_network(name, settings, app.settings.listener.ae_title)


def _folder(name: str, folder: Path) -> Finding:
    well = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    told = f"{folder} can be written" if well else f"{folder} is no folder that this user may write to"
    return Finding(f"PACS {name}", well, told, "make or mount it, and give it to the user of ror")


def _of_the_network(name: str, settings: PacsSettings, our_ae_title: str) -> Finding:
    where, what = settings.dicomweb_url, f"PACS {name}"
    try:
        if settings.host:
            where = f"{settings.ae_title} at {settings.host}:{settings.port}"
            orthanc.echo(peer_of(settings, our_ae_title))
        held = destination_of(name, settings, our_ae_title).held([_NOBODYS])
    except orthanc.PeerError as error:
        return Finding(what, False, f"{where}: {error}", "check that it runs and knows our AE title")
    except RorError as error:
        return Finding(what, False, f"{where}: {error}", error.advice)
    confirms = f"confirms by {held.by}" if held.sop_uids is not None else f"confirms nothing ({held.by})"
    return Finding(what, True, f"{where} answers, {confirms}")
