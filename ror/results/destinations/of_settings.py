"""Which destination a ``[pacs.NAME]`` of ``ror.toml`` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from orthanc import SendReport, send
from ror.config import PacsSettings
from ror.errors import ConfigurationError
from ror.pacs import peer_of, rest_of, web_of
from ror.registry import CommitmentStore
from ror.results.destinations.asking import Asking
from ror.results.destinations.contract import Destination
from ror.results.destinations.folder import Folder
from ror.results.destinations.pacs import Pacs

__all__ = ["destination_of", "destinations_of"]


def destinations_of(
    names: Sequence[str],
    settings: Mapping[str, PacsSettings],
    our_ae_title: str,
    here: Callable[[str], Destination] | None = None,
    commitments: CommitmentStore | None = None,
) -> list[Destination]:
    """The destinations of a project, in its order; `here` makes the one that is our own archive, where that may be.

    Raises
    ------
    ConfigurationError
        The settings do not name all of them, or not where they are; all are told.
    """
    missing = ", ".join(f"[pacs.{name}]" for name in names if name not in settings)
    if missing:
        raise ConfigurationError(f"ror.toml has no section {missing}", advice="add it, then retry the job")
    in_archive = {name for name in names if settings[name].archive and here is not None}
    nowhere = ", ".join(
        f"[pacs.{name}]" for name in names if name not in in_archive and not _is_somewhere(settings[name])
    )
    if nowhere:
        raise ConfigurationError(
            f"{nowhere} of ror.toml says no host, dicomweb_url or folder to send results to",
            advice="add one, or take it off the project, then retry the job",
        )
    return [
        here(name)
        if here and name in in_archive
        else destination_of(name, settings[name], our_ae_title, commitments)
        for name in names
    ]


def destination_of(
    name: str, settings: PacsSettings, our_ae_title: str, commitments: CommitmentStore | None = None
) -> Destination:
    """One destination: a folder, C-STORE where there is a host, else STOW-RS.

    It is asked for storage commitment only with `commitments`, where what is asked is remembered.
    """
    if settings.folder:
        return Folder(name, Path(settings.folder), settings.images, read_back=settings.confirm != "no")
    peer = peer_of(settings, our_ae_title) if settings.host else None

    def stow(
        paths: Sequence[Path], _in_whole: bool
    ) -> SendReport:  # what it refuses is known afterwards only
        with web_of(settings) as web:
            return web.send(paths)

    def store(paths: Sequence[Path], in_whole: bool) -> SendReport:
        assert peer is not None
        return send(peer, paths, all_or_none=in_whole)

    rest = partial(rest_of, settings) if settings.orthanc_url else None
    return Pacs(
        name,
        settings.images,
        stow if peer is None else store,
        Asking.of(name, settings, peer, commitments),
        rest,
    )


def _is_somewhere(settings: PacsSettings) -> bool:
    return bool(settings.folder or settings.host or settings.dicomweb_url)
