"""What would become of a file if it were sent: its route, and what its project would say. Nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anonymizer import (
    DeidentificationError,
    IdentifiedInstance,
    OriginalIdentity,
    deidentify,
    fingerprint,
    read_file,
)
from ror.archive import Index
from ror.errors import ConfigurationError
from ror.gateway.routing import attributes_of
from ror.registry import ProjectStore, Route, RouteStore, Sender, Tried, WhoIsWho, try_routes

__all__ = ["Rehearsal", "rehearse"]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would become of an object.

    Attributes
    ----------
    tried
        Every route, in the order in which they are tried.
    route
        The first that fits; None: the object would be refused.
    held
        The same object is in the archive already: it would be acknowledged, and change nothing.
    reason, detail
        Why it would go into quarantine, as ``ror quarantine list`` would tell; empty if it would be taken in.
    """

    tried: tuple[Tried, ...]
    route: Route | None
    held: bool = False
    reason: str = ""
    detail: str = ""


def rehearse(
    file: Path, sender: Sender, routes: RouteStore, projects: ProjectStore, who: WhoIsWho, index: Index
) -> Rehearsal:
    """Try a DICOM file on the routes and the projects behind them.

    Raises
    ------
    ConfigurationError
        The file cannot be read at all, or is no DICOM object.
    """
    identified = _read(file)
    tried = tuple(try_routes(routes.list(), sender, lambda wanted: attributes_of(identified, wanted)))
    route = next((one.route for one in tried if not one.misfits), None)
    if route is None:
        return Rehearsal(tried, None)
    profile, key = projects.get(route.project).profile(), projects.key(route.project)
    try:
        held = index.source_digest(profile.uid(key, identified.sop_instance_uid))
        if held and held == fingerprint(identified, key):
            return Rehearsal(tried, route, held=True)
        original, rule = OriginalIdentity.of(identified), who.rules.get(route.project)
        # Who would be counted has no number yet, and gets none here.
        subject = who.subjects.find(rule, key, original, weekdays=profile.weekdays)
        deidentify(identified, profile, key, subject)
    except DeidentificationError as refusal:
        return Rehearsal(tried, route, reason=refusal.reason, detail=str(refusal))
    if held:
        detail = "its SOPInstanceUID is held with other content"
        return Rehearsal(tried, route, reason="duplicate_differs", detail=detail)
    return Rehearsal(tried, route)


def _read(file: Path) -> IdentifiedInstance:
    try:
        return read_file(file)
    except OSError as error:
        raise ConfigurationError(f"the file cannot be read: {error.strerror}") from error
    except DeidentificationError as error:
        raise ConfigurationError(
            f"the file is no object that can be read: {error.reason}", (), str(error)
        ) from None
